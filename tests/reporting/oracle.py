"""Every indicator a second time, from the list of events and without a table: domain §6 in Python.

Nothing here is shared with what it judges but the window and the events' own classes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from chassis.inbox import Received
from contracts import intake, referral
from services.reporting.domain import Window

CHILD = {"0-4", "5-8", "9-11", "12-14", "15-17"}
IN_TIME = {
    "vital_1h": timedelta(hours=1),
    "emergency_24h": timedelta(days=1),
    "urgent_72h": timedelta(days=3),
    "normal_14d": timedelta(days=14),
}
COURT = {
    "judicial_investigation", "charged", "sent_to_correctional_court", "sent_to_criminal_chamber",
    "judged", "appealed", "cassation", "final",
}  # fmt: skip
Codes = dict[str, Sequence[str]]
#: A thing that is counted, and its codes.
Item = tuple[str, Codes]


@dataclass(frozen=True, slots=True)
class Said:
    """One event: about whom, which of that subject, when, where in its stream, and what."""

    subject: str
    number: int
    at: datetime
    place: int
    body: Any


class Oracle:
    """What the events before a moment say."""

    def __init__(self, events: Sequence[Received], window: Window) -> None:
        known = {(one.envelope.source, one.envelope.id): one for one in events}
        self.window = window
        self.said = [
            Said(
                one.envelope.subject,
                one.envelope.case_sequence or 0,
                one.raw.recorded_at,
                one.raw.sequence,
                one.message,
            )
            for one in known.values()
            if one.raw.recorded_at < window.as_of
        ]

    def of(self, *kinds: type) -> list[Said]:
        """Those events of a kind, in the order in which they were recorded."""
        found = [one for one in self.said if isinstance(one.body, kinds)]
        return sorted(found, key=lambda one: (one.at, one.place))

    def is_day(self, day: date) -> bool:
        return self.window.start <= day < self.window.end

    def is_moment(self, at: datetime) -> bool:
        return self.window.first_moment <= at < self.window.end_moment

    def is_nobody(self, case: str) -> bool:
        """Whether it was said that the case was registered in error."""
        words = [one.body.reason for one in self.of(intake.CaseErased) if one.subject == case]
        return "registered_in_error" in words

    def person_of(self, case: str) -> Said | None:
        """The registration of the case that the person of this case counts under."""
        registered = {one.subject: one for one in self.of(intake.CaseRegistered)}
        words = [w for w in self.of(intake.CaseMerged, intake.CaseUnmerged) if w.subject == case]
        last = max(words, key=lambda one: one.number, default=None)
        under = str(last.body.into) if last and isinstance(last.body, intake.CaseMerged) else case
        if case not in registered or self.is_nobody(case) or self.is_nobody(under):
            return None
        return registered.get(under)

    def people(self) -> Iterator[Said]:
        """Each person once."""
        for one in self.of(intake.CaseRegistered):
            if self.person_of(one.subject) is one:
                yield one

    def referrals(self) -> Iterator[tuple[Said, Said, list[Said]]]:
        """Each victim's referral: its offer, its person, and its steps in order of their numbers."""
        steps = defaultdict(list)
        for one in self.of(referral.ReferralEvent):
            if not isinstance(one.body, referral.ReferralOffered):
                steps[one.body.referral_id].append(one)
        for offer in self.of(referral.ReferralOffered):
            person = self.person_of(offer.subject)
            if person is not None and not smuggled(person):
                trail = sorted(steps[offer.body.referral_id], key=lambda one: one.number)
                yield offer, person, trail

    def files(self) -> dict[tuple[str, Any], list[Said]]:
        """The words on each file that is not about smuggling."""
        found = defaultdict(list)
        for one in self.of(referral.ProceedingEvent):
            found[one.body.organisation, one.body.proceeding_id].append(one)
        return {
            file: words
            for file, words in found.items()
            if words[-1].body.offence_class != "migrant_smuggling"
        }

    def suspects(self) -> dict[tuple[str, Any], list[Said]]:
        """The words on each suspect in those files."""
        files, found = self.files(), defaultdict(list)
        for one in self.of(referral.SuspectRecorded):
            if (one.body.organisation, one.body.proceeding_id) in files:
                found[one.body.organisation, one.body.suspect_id].append(one)
        return dict(found)


def smuggled(person: Said) -> bool:
    return bool(person.body.offence_class == "migrant_smuggling")


def of_person(person: Said) -> Codes:
    body = person.body
    group = {"female": ("girl", "woman"), "male": ("boy", "man")}.get(body.sex)
    if group is None or body.age_band == "unknown":
        group = ("unknown", "unknown")
    return {
        "group": [group[0 if body.age_band in CHILD else 1]],
        "exploitation": body.exploitation,
        "citizenship": body.citizenship or ["unknown"],
        "region": [body.region or "unknown"],
        "detection_channel": [body.detection_channel],
    }


def v1(oracle: Oracle) -> Iterator[Item]:
    for one in oracle.people():
        if not smuggled(one) and oracle.is_day(one.body.detected_on):
            yield one.subject, of_person(one)


def v2(oracle: Oracle) -> Iterator[Item]:
    for one in oracle.people():
        is_identified = one.body.victim_status in ("identified", "recognised_by_court")
        if not smuggled(one) and is_identified and oracle.is_day(one.body.registered_on):
            yield one.subject, of_person(one)


def assisted(oracle: Oracle, *, migrants: bool) -> Iterator[Item]:
    offers = {one.body.referral_id: one for one in oracle.of(referral.ReferralOffered)}
    for step in oracle.of(referral.ReferralDelivered):
        offer = offers.get(step.body.referral_id)
        person = oracle.person_of(offer.subject) if offer else None
        if person and smuggled(person) is migrants and oracle.is_moment(step.at):
            service = {"service": [step.body.service]}
            kind = {"organisation_kind": [step.body.organisation_kind]}
            yield person.subject, of_person(person) | service | kind


def first(trail: list[Said], *steps: str) -> datetime | None:
    return min((one.at for one in trail if named(one) in steps), default=None)


def named(step: Said) -> str:
    return str(step.body.name.partition(".")[2])


def offered(oracle: Oracle) -> Iterator[tuple[Item, Said, Said, list[Said]]]:
    for offer, person, trail in oracle.referrals():
        if oracle.is_moment(offer.at):
            body = offer.body
            codes = of_person(person) | {
                "service": [body.service],
                "organisation_kind": [body.organisation_kind],
                "urgency": [body.urgency],
                "region": [body.region],
                "state": [named(trail[-1]) if trail else "offered"],
            }
            yield (str(body.referral_id), codes), offer, person, trail


def r1(oracle: Oracle) -> Iterator[Item]:
    for (_, codes), _, person, _ in offered(oracle):
        yield person.subject, codes


def r2(oracle: Oracle) -> Iterator[Item]:
    for item, *_ in offered(oracle):
        yield item


def r3(oracle: Oracle) -> Iterator[Item]:
    for item, offer, _, trail in offered(oracle):
        answered = first(trail, "accepted", "declined")
        if answered is not None and answered - offer.at <= IN_TIME[offer.body.urgency]:
            yield item


def accepted(oracle: Oracle) -> Iterator[Item]:
    for item, _, _, trail in offered(oracle):
        if first(trail, "accepted"):
            yield item


def r4(oracle: Oracle) -> Iterator[Item]:
    for item, _, _, trail in offered(oracle):
        if first(trail, "accepted") and first(trail, "delivered"):
            yield item


def delivered(oracle: Oracle) -> Iterator[Item]:
    for item, _, _, trail in offered(oracle):
        if first(trail, "delivered"):
            yield item


def r5(oracle: Oracle) -> Iterator[Item]:
    for item, _, _, trail in offered(oracle):
        if first(trail, "delivered") and first(trail, "confirmed"):
            yield item


def r6(oracle: Oracle) -> Iterator[Item]:
    taken = {
        (person.subject, offer.body.service)
        for offer, person, trail in oracle.referrals()
        if first(trail, "accepted")
    }
    asked = [(offer, person) for offer, person, _ in oracle.referrals()]
    for one in oracle.of(referral.ReferralUnplaced):
        person = oracle.person_of(one.subject)
        if person is not None and not smuggled(person):
            asked.append((one, person))
    for one, person in asked:
        service = one.body.service
        if oracle.is_moment(one.at) and (person.subject, service) not in taken:
            codes = of_person(person) | {"service": [service]}
            region = {"region": [one.body.region]} if hasattr(one.body, "region") else {}
            yield person.subject, codes | region


def in_court(words: list[Said]) -> date | None:
    return min((one.body.on for one in words if one.body.state in COURT), default=None)


def files(oracle: Oracle, day: Callable[[list[Said]], date | None]) -> Iterator[Item]:
    for (organisation, file), words in oracle.files().items():
        on, last = day(words), words[-1].body
        if on is not None and oracle.is_day(on):
            yield (
                f"{organisation} {file}",
                {
                    "offence_class": [last.offence_class],
                    "region": [last.region or "unknown"],
                    "organisation_kind": [last.organisation_kind],
                },
            )


def of_suspect(words: list[Said]) -> Codes:
    last = words[-1].body
    age = "unknown" if last.age_band == "unknown" else "adult"
    return {
        "sex": [last.sex],
        "age": ["minor" if last.age_band in CHILD else age],
        "citizenship": last.citizenship or ["unknown"],
    }


def j2(oracle: Oracle) -> Iterator[Item]:
    for key, words in oracle.suspects().items():
        if oracle.is_day(min(one.body.on for one in words)):
            yield str(key), of_suspect(words)


def j5(oracle: Oracle) -> Iterator[Item]:
    suspects = {str(key): words for key, words in oracle.suspects().items()}
    for key, codes in j2(oracle):
        if suspects[key][-1].body.is_official:
            yield key, codes


def j3_suspects(oracle: Oracle) -> Iterator[Item]:
    court = {
        file
        for file, words in oracle.files().items()
        if (on := in_court(words)) is not None and oracle.is_day(on)
    }
    for key, words in oracle.suspects().items():
        if any((one.body.organisation, one.body.proceeding_id) in court for one in words):
            yield str(key), of_suspect(words)


def j4(oracle: Oracle) -> Iterator[Item]:
    verdicts: dict[Any, Said] = {}
    for one in oracle.of(referral.JudgmentRendered):
        key = (one.body.organisation, one.body.proceeding_id, one.body.suspect_id)
        if key not in verdicts or one.body.on <= verdicts[key].body.on:
            verdicts[key] = one
    for (organisation, _, suspect), one in verdicts.items():
        if one.body.offence_class != "migrant_smuggling" and oracle.is_day(one.body.on):
            names = ("verdict", "court", "offence_class")
            codes: Codes = {name: [getattr(one.body, name)] for name in names}
            yield f"{organisation} {suspect}", codes


def cases(oracle: Oracle, *, complete: bool) -> Iterator[Item]:
    for one in oracle.of(intake.CaseRegistered):
        body = one.body
        is_known = (
            "unknown" not in (body.sex, body.age_band)
            and body.citizenship
            and "to_be_determined" not in body.exploitation
        )
        counts = oracle.is_day(body.detected_on) and not oracle.is_nobody(one.subject)
        if counts and (is_known or not complete):
            yield one.subject, {"owner": [body.owner], "region": [body.region or "unknown"]}


def whole(items: Sequence[Item]) -> int:
    return len({item for item, _ in items})


def parts(items: Sequence[Item], dimension: str) -> dict[str, int]:
    found = defaultdict(set)
    for item, codes in items:
        for code in codes[dimension]:
            found[code].add(item)
    return {code: len(of_code) for code, of_code in found.items()}
