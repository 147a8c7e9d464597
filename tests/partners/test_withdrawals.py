import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.envelope import Envelope, Rejected
from contracts.event import Message
from contracts.feed import ConsentWithdrawn, DossierDisclosed, FeedTrimmed, RequestRefused
from contracts.keyring import PublicKey, encode_base64url
from contracts.requests import AcknowledgeConsent
from contracts.sealing import Place, seal
from partners.kit import SYSTEM, Delivery, Keys, init, load
from partners.kit.dossiers import open_dossier
from partners.kit.keys import SEALING
from partners.kit.ledger import Ledger
from partners.kit.lines import Lines
from partners.kit.writing import Writer
from tests.partners.platform import TRACE, offer

pytestmark = pytest.mark.share("sealed")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOURCE, CODE = "/siraba/referral", "SHELTER_A"
CONTENT = {"identity": {"full_name": "canary"}, "medical": {"allergies": "canary"}}


def numbered(number: int) -> Envelope:
    return Envelope(id=uuid4(), source=SOURCE, type="t", subject="s", feed_sequence=number)


def receive(ledger: Ledger, number: int, message: Message) -> None:
    ledger.receive(
        numbered(number), message, hop=TRACE, now=NOW, recorded_at=NOW, organisation=CODE
    )


def sealed_to(keys: Keys, *, id: UUID, case: str = "pseudonym") -> DossierDisclosed:
    public = PublicKey(
        owner=CODE,
        use="sealing",
        key=encode_base64url(keys.sealing.public_key().public_bytes_raw()),
        valid_from=NOW,
    )
    sections = tuple(sorted(CONTENT))
    return DossierDisclosed(
        referral_id=uuid4(),
        sections=sections,
        ground="consent",
        policy_version="x",
        sealed=seal(
            json.dumps(CONTENT).encode(), Place(str(id), CODE, case, sections), keys=[public]
        ),
    )


def _withdrawn() -> ConsentWithdrawn:
    return ConsentWithdrawn(withdrawal_id=uuid4(), referral_id=uuid4())


def _confirmation(told: ConsentWithdrawn) -> AcknowledgeConsent:
    return AcknowledgeConsent(referral_id=told.referral_id, withdrawal_id=told.withdrawal_id)


def test_numbers_that_were_freed_are_not_missing() -> None:
    ledger = Ledger.open_in_memory()
    receive(ledger, 1, offer())
    receive(ledger, 4, FeedTrimmed(numbers=(2,)))

    assert ledger.feed.missing() == [(SOURCE, 3, 3)]


@pytest.mark.parametrize(("kept", "is_there"), [((), False), (("vital_interest",), True)])
def test_an_offer_whose_consent_is_withdrawn_is_erased_unless_something_else_carries_it(
    kept: tuple[str, ...], is_there: bool
) -> None:
    ledger, made = Ledger.open_in_memory(), offer()
    receive(ledger, 1, made)
    withdrawn = ConsentWithdrawn(withdrawal_id=uuid4(), referral_id=made.referral_id, kept=kept)
    receive(ledger, 2, withdrawn)

    (known,) = ledger.referrals.all()
    assert (known.offer is not None) == is_there


def test_a_withdrawal_waits_until_a_confirmation_that_is_not_refused(tmp_path: Path) -> None:
    ledger, told = Ledger.open_in_memory(), _withdrawn()
    writer = Writer(ledger=ledger, edge=SYSTEM, keys=init(tmp_path / "keys", code=CODE))
    receive(ledger, 1, told)
    receive(ledger, 2, _withdrawn())
    ledger.handled(1, NOW)
    before = ledger.withdrawals.unconfirmed()

    id = writer.store(_confirmation(told))
    after = ledger.withdrawals.unconfirmed()
    receive(ledger, 3, RequestRefused(request_id=id, request_type="t", reason="wrong_state"))

    assert (told.referral_id, told.withdrawal_id) == before[0]
    assert after == before[1:]
    assert ledger.withdrawals.unconfirmed() == before


def test_what_comes_again_by_a_replay_is_confirmed_once_however_it_was_confirmed(
    tmp_path: Path,
) -> None:
    ledger, told, envelope = Ledger.open_in_memory(), _withdrawn(), numbered(1)
    writer = Writer(ledger=ledger, edge=SYSTEM, keys=init(tmp_path / "keys", code=CODE))
    facts: dict[str, Any] = {"hop": TRACE, "recorded_at": NOW, "organisation": CODE}
    number = ledger.receive(envelope, told, now=NOW, **facts).number
    ledger.handled(number, NOW)
    stored = {writer.store(_confirmation(told))}
    for hour in (1, 2):
        later = NOW + timedelta(hours=hour)
        ledger.replay(NOW, later)
        assert not ledger.receive(envelope, told, now=later, **facts).handled
        stored.add(writer.store(_confirmation(told), envelope))
        ledger.handled(number, later)
        assert ledger.receive(envelope, told, now=later, **facts).handled

    assert len(stored) == 1
    assert writer.store(_confirmation(told), envelope) not in stored


def test_a_dossier_opens_with_the_partners_own_key_and_nowhere_else(tmp_path: Path) -> None:
    keys, others = (init(tmp_path / code, code=CODE) for code in ("ours", "theirs"))
    id = uuid4()
    message = sealed_to(keys, id=id)
    envelope = Envelope(id=id, source=SOURCE, type="t", subject="pseudonym")

    assert open_dossier(message, envelope, keys=keys) == CONTENT
    for wrong, mine, reason in (
        (envelope, others, "wrong_key"),
        (envelope._replace(id=uuid4()), keys, "wrong_place"),
        (envelope._replace(subject="another"), keys, "wrong_place"),
    ):
        with pytest.raises(Rejected) as refused:
            open_dossier(message, wrong, keys=mine)
        assert refused.value.reason == reason
        assert "canary" not in str(refused.value)


def test_what_was_sealed_to_a_key_before_it_was_replaced_still_opens(tmp_path: Path) -> None:
    old, new = (init(tmp_path / code, code=CODE) for code in ("old", "new"))
    (tmp_path / "old" / SEALING).rename(tmp_path / "new" / "sealing-2026.key")
    id = uuid4()
    envelope = Envelope(id=id, source=SOURCE, type="t", subject="pseudonym")

    for keys in (old, new):
        opened = open_dossier(sealed_to(keys, id=id), envelope, keys=load(tmp_path / "new"))
        assert opened == CONTENT


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_tells_how_many_fields_a_dossier_had_and_none_of_them(
    tmp_path: Path, as_json: bool
) -> None:
    async def close() -> None:
        """Nobody closes it here."""

    said: list[str] = []
    lines = Lines(write=said.append, now=lambda: NOW, as_json=as_json)
    message = sealed_to(init(tmp_path / "ours", code=CODE), id=uuid4())
    delivery = Delivery(
        envelope=numbered(1), message=message, again=False, dossier=CONTENT, _close=close
    )
    lines.received(delivery)
    lines.forgotten(ConsentWithdrawn(withdrawal_id=uuid4(), referral_id=uuid4()))

    assert not any(word in "".join([*said, repr(delivery)]) for word in ("canary", "full_name"))
    assert "ciphertext" not in "".join(said)
    if as_json:
        assert json.loads(said[0])["fields"] == 2
        assert json.loads(said[1])["did"] == "forgotten"
