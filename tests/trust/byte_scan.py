"""What is too much in the feeds: data of a group that is closed to its reader, and shared names."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from uuid import UUID

from contracts.envelope import decode_headers
from contracts.feed import DossierDisclosed
from contracts.policy import CHILD_BANDS, purpose_of
from contracts.policy.tables import fields
from partners.kit import Keys
from partners.kit.dossiers import Dossier, open_dossier
from tests.contracts.by_hand import Question, expected
from tests.journeys.cases import Case
from tests.trust.canaries import MARK, hits
from tests.trust.disclosures import shows
from tests.trust.people import People
from tests.trust.wiretap import Heard

CANARY = re.compile(re.escape(MARK) + r"(\d{6,})z")
#: Each word of a message's body that tells something of a case, and its group, written by hand.
TELLS = {
    "service": "G0", "urgency": "G0", "region": "G0", "safety": "G0", "organisation": "G0",
    "sex": "G1", "age_band": "G1", "citizenship": "G1", "exploitation": "G1", "ground": "G9",
    "kept": "G9",
}  # fmt: skip
#: And those that tell nothing of one.
OF_NO_REFERRAL = ("referral.unplaced.v1", "feed.trimmed.v1", "keys.published.v1")
PLAIN = {
    "referral_id",
    "unplaced_id",
    "sections",
    "policy_version",
    "sealed",
    "reason",
    "withdrawal_id",
    "numbers",
    "keys",
    "planned_for",
    "completed_on",
}
TOKEN = re.compile(rb"[0-9A-Za-z_+/=-]{16,}")


@dataclass(frozen=True, slots=True)
class Referral:
    """What the platform's own table says of one."""

    case: Case
    owner: str
    recipient: str
    service: str


@dataclass(slots=True)
class World:
    """Against what a feed is held. kinds: of organisations; constants: words that all may share."""

    people: People
    kinds: Mapping[str, str]
    keys: Mapping[str, Keys]
    referrals: Mapping[str, Referral]
    constants: frozenset[bytes] = frozenset()
    opened: int = field(default=0)

    def by_plain_id(self, name: bytes) -> Referral | None:
        """The referral with this id, written without dashes."""
        try:
            return self.referrals.get(str(UUID(name.decode())))
        except ValueError:
            return None

    def question(
        self, referral: Referral, reader: str, stage: str
    ) -> tuple[Question, frozenset[str]]:
        """Who asks, and the grounds that stand, from the case as it was submitted."""
        kind, body = self.kinds[reader], referral.case.body
        is_child = body["age_band"] in CHILD_BANDS
        asked = Question(
            kind,
            "owner" if reader == referral.owner else "recipient",
            purpose_of(referral.service),
            stage,
            self.kinds[referral.owner],
            is_child,
        )
        grounds = {one["ground"] for one in body["grounds"] if one["recipient_kind"] == kind}
        for line in body["consent"]:
            may_say = (line["by"] == "person") != is_child
            if line["recipient_kind"] == kind and line["state"] == "given" and may_say:
                grounds.add("consent")
        return asked, frozenset(grounds)


def too_much(code: str, feed: Iterable[Heard], world: World) -> Iterator[str]:
    """Everything in an organisation's feed that the matrix written by hand does not open to it."""
    for one in feed:
        if one.subject.startswith("out."):
            yield from _wrong(code, one, world)


def _wrong(code: str, one: Heard, world: World) -> Iterator[str]:
    body = json.loads(one.body)
    yield from (f"{one.subject}: {name}" for name in body.keys() - TELLS.keys() - PLAIN)
    referral = world.referrals.get(body.get("referral_id", ""))
    if referral is None:
        if not one.subject.endswith(OF_NO_REFERRAL):
            yield f"{one.subject}: of no referral"
        return
    if code not in (referral.owner, referral.recipient):
        yield f"{one.subject}: of a referral between others"
    stage = "offered" if ".offered." in one.subject else "accepted"
    asked, grounds = world.question(referral, code, stage)
    for name in body.keys() & TELLS.keys():
        if expected(asked, TELLS[name], grounds) is None:
            yield f"{one.subject}: {name} to {code}"
    if ".dossier.disclosed." in one.subject:
        world.opened += 1
        dossier = _opened(one, world.keys[code])
        yield from _closed(dossier, referral, asked=asked, grounds=grounds, people=world.people)


def _opened(one: Heard, keys: Keys) -> Dossier:
    message = DossierDisclosed.model_validate_json(one.body)
    return open_dossier(message, decode_headers(one.headers), keys=keys)


def _closed(
    dossier: Dossier,
    referral: Referral,
    *,
    asked: Question,
    grounds: frozenset[str],
    people: People,
) -> Iterator[str]:
    """Fields of another's file, and fields of a group that is closed."""
    for section, held in dossier.items():
        for name, text in held.items():
            (number,) = CANARY.findall(text)
            case, told = people.behind(int(number))
            known = fields().get(told)
            if case is not referral.case or told != (section, name) or known is None:
                yield f"{section}.{name}: of somebody else, or of no table"
                continue
            may = [expected(asked, group, grounds) for group in known.groups]
            if not all(may) or not all(shows(one, known.aspects) for one in may):
                yield f"{section}.{name} to {asked.kind} for {asked.purpose}"


def in_the_clear(code: str, recorded: Iterable[bytes]) -> Iterator[str]:
    """A word about a person in any byte that came, sealed parts being no words."""
    for stream in recorded:
        for hit in hits(code, stream):
            yield f"{hit.encoding}: {hit.around!r}"


def shared_names(feeds: Mapping[str, Iterable[Heard]], world: World) -> Iterator[str]:
    """Every identifier by which two organisations could find that they hear of one person.

    The owner of a case and the recipient of its referral speak of it by the referral's id: that is
    what they have it for. No two others have anything in common.
    """
    names = {code: _names(feed) for code, feed in feeds.items()}
    for one, other in combinations(sorted(names), 2):
        for name in names[one] & names[other] - world.constants:
            referral = world.by_plain_id(name)
            if referral is None or {one, other} != {referral.owner, referral.recipient}:
                yield f"{name.decode()} to {one} and {other}"


def _names(feed: Iterable[Heard]) -> set[bytes]:
    found: set[bytes] = set()
    for one in feed:
        if one.subject.startswith("out."):
            found |= names_in("\n".join(one.headers.values()).encode() + b"\n" + one.body)
    return found


def names_in(content: bytes) -> set[bytes]:
    """Whatever is long enough to name something, without dashes, parts of a trace apart."""
    found: set[bytes] = set()
    for token in TOKEN.findall(content):
        found.add(token.replace(b"-", b"").lower())
        found.update(part for part in token.lower().split(b"-") if len(part) >= 16)
    return {name for name in found if any(48 <= byte <= 57 for byte in name)}
