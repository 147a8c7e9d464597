"""That the byte scan would find a leak: feeds of a platform whose policy opens everything to all."""

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts.envelope import Envelope, encode_headers
from contracts.feed import DossierDisclosed
from contracts.keyring import PublicKey, encode_base64url
from contracts.policy import Cut, Reader, may_know
from contracts.sealing import Place, seal
from contracts.topology import out_subject
from partners.kit import Keys
from tests.controls.open_policy import everything
from tests.journeys.cases import Case
from tests.signing import SINCE, private_key
from tests.trust.byte_scan import Referral, World, in_the_clear, shared_names, too_much
from tests.trust.people import people
from tests.trust.wiretap import Heard, frame, messages

pytestmark = pytest.mark.share("sealed")
OWNER, POLICE, SHELTER = "OWNER_A", "POLICE_B", "SHELTER_C"
KINDS = {OWNER: "social", POLICE: "police", SHELTER: "shelter"}
SERVICES = {POLICE: "immediate_safety", SHELTER: "shelter"}
Decide = Callable[..., Cut]


class Platform:
    """One that tells what `decide` opens, of one grown-up who said yes to everybody."""

    def __init__(self, decide: Decide) -> None:
        crowd = people(60, owners=(OWNER,), seed=1)
        self.case = next(one for one in crowd.cases if one.body["age_band"] == "25-34")
        said = [{"recipient_kind": k, "state": "given", "by": "person"} for k in KINDS.values()]
        self.case.body.update(consent=said, grounds=[])
        self.keys = {code: _keys(code) for code in KINDS}
        self.referrals = {
            str(uuid4()): Referral(self.case, OWNER, code, service)
            for code, service in SERVICES.items()
        }
        self.world = World(crowd, KINDS, self.keys, self.referrals)
        self._decide = decide

    def feeds(self, *, subject: str = "") -> dict[str, bytes]:
        """What each recipient's line carries. subject: one name for the case in all feeds."""
        return {
            one.recipient: frame(self._disclosed(one, referral, subject or uuid4().hex))
            for referral, one in self.referrals.items()
        }

    def _disclosed(self, one: Referral, referral: str, subject: str) -> Heard:
        reader = Reader(
            kind=KINDS[one.recipient],
            relation="recipient",
            purpose="protection" if one.recipient == POLICE else "care",
            is_child=False,
            from_kind=KINDS[OWNER],
        )
        content = self._decide(reader, "accepted", ("consent",)).of(_dossier(self.case))
        envelope = Envelope(uuid4(), "/siraba/intake", DossierDisclosed.ce_type(), subject)
        place = Place(str(envelope.id), one.recipient, subject, tuple(content))
        message = DossierDisclosed(
            referral_id=UUID(referral),
            sections=tuple(content),
            ground="consent",
            policy_version="1",
            sealed=seal(json.dumps(content).encode(), place, keys=[self._public(one.recipient)]),
        )
        where = out_subject(one.recipient, DossierDisclosed.name, 1)
        return Heard(where, encode_headers(envelope), message.encode())

    def _public(self, code: str) -> PublicKey:
        raw = self.keys[code].sealing.public_key().public_bytes_raw()
        key = encode_base64url(raw)
        return PublicKey(owner=code, use="sealing", key=key, valid_from=SINCE)


def _keys(code: str) -> Keys:
    sealing = X25519PrivateKey.generate()
    return Keys(code=code, seed="", signing=private_key(code), sealing=sealing)


def _dossier(case: Case) -> dict[str, dict[str, str]]:
    dossier: dict[str, dict[str, str]] = case.body["dossier"]
    return dossier


def told_too_much(platform: Platform) -> list[str]:
    """By the scan of the real run."""
    feeds = platform.feeds()
    return [
        w for code, said in feeds.items() for w in too_much(code, messages(said), platform.world)
    ]


def test_a_platform_that_keeps_to_the_policy_passes() -> None:
    platform = Platform(may_know)

    assert told_too_much(platform) == []
    assert platform.world.opened == len(SERVICES)


def test_the_policy_all_is_found_in_what_recipients_decrypt() -> None:
    found = told_too_much(Platform(everything().may_know))

    assert "safe_place.safe_address to police for protection" in found
    assert len(found) > 20


def test_a_word_in_the_clear_is_found_on_the_wire() -> None:
    platform = Platform(may_know)
    spoken = json.dumps(_dossier(platform.case)).encode()
    line = frame(Heard(out_subject(POLICE, "referral.offered", 1), {}, spoken))

    assert list(in_the_clear(POLICE, [line]))
    assert not [w for c, said in platform.feeds().items() for w in in_the_clear(c, [said])]


def test_one_name_for_a_case_in_two_feeds_is_found() -> None:
    platform = Platform(may_know)

    def shared(subject: str) -> list[str]:
        feeds = {c: messages(said) for c, said in platform.feeds(subject=subject).items()}
        return list(shared_names(feeds, platform.world))

    assert shared("") == []
    assert len(shared(str(uuid4()))) == 1
