"""Turns events into facts: rows that each rest on one event, whenever it comes."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.directory_keys import save_keys
from contracts.cases import CaseClosed, CaseReopened, FollowupDone, ReturnCompleted
from contracts.event import Message
from contracts.intake import (
    AccessExcepted,
    CaseErased,
    CaseMerged,
    CaseRegistered,
    CaseUnmerged,
)
from contracts.keyring import PublicKey
from contracts.referral import (
    CapacityChanged,
    JudgmentRendered,
    OrganisationRegistered,
    ProceedingEvent,
    ReferralEvent,
    ReferralOffered,
    ReferralUnplaced,
    SuspectRecorded,
)
from contracts.sessions import SessionDistinguished, SessionRecorded
from services.reporting.store import facts
from services.reporting.store.facts import Row, Table

# What the indicators count by (domain §6, D1 to D6); the rest of a case stays with its owner.
_OF_CASE = {
    "owner", "registered_on", "detected_on", "region", "sex", "age_band", "citizenship",
    "exploitation", "offence_class", "victim_status", "detection_channel", "needs",
    "is_suspect_too",
}  # fmt: skip
_OF_REFERRAL = {
    "referral_id", "service", "organisation", "organisation_kind", "urgency", "region", "rank",
    "ground",
}  # fmt: skip
_OF_FILE = {
    "organisation", "organisation_kind", "proceeding_id", "state", "offence_class", "court",
    "region", "is_civil_party",
}  # fmt: skip
_OF_ORGANISATION = {"code", "kind", "region", "name_fr", "name_en"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event and where it lies. subject: the case, or the organisation; recorded_at: the stream's."""

    event: Message
    event_id: UUID
    subject: str
    case_sequence: int
    stream: str
    stream_sequence: int
    recorded_at: datetime


async def take_events(connection: AsyncConnection, events: Sequence[Happened]) -> None:
    """Write what the events say as facts.

    The tables are a function of the set of events: which order they come in, how they are cut
    into batches and how often they come changes nothing (design §9).
    """
    rows: defaultdict[Table, list[Row]] = defaultdict(list)
    for one in events:
        fact = next((fact for fact in _FACTS if isinstance(one.event, fact.of)), None)
        if fact is not None:
            rows[fact.table].append(fact.row(one))
    for table, given in rows.items():
        await facts.save(connection, table, given)
    registered = [one for one in events if isinstance(one.event, OrganisationRegistered)]
    await facts.save_organisations(connection, [_organisation(one) for one in registered])
    await save_keys(connection, [key for one in registered for key in _keys(one)])
    await facts.follow(connection, [_position(one) for one in events])


def _case(one: Happened) -> Row:
    body = one.event.model_dump(mode="json", include=_OF_CASE)
    return body | {"case_id": one.subject, "recorded_at": one.recorded_at.isoformat()} | _lies(one)


def _merge(one: Happened) -> Row:
    into = getattr(one.event, "into", None)
    merged = {"case_id": one.subject, "merged_into": None if into is None else str(into)}
    return merged | _at(one) | _lies(one)


def _erasure(one: Happened) -> Row:
    return _of_case(one, "reason", "erased_on")


def _followup(one: Happened) -> Row:
    return _of_case(one, "after_days", "outcome", "done_on")


def _closing(one: Happened) -> Row:
    step = one.event.name.partition(".")[2]
    day = one.event.model_dump(mode="json", include={f"{step}_on"})[f"{step}_on"]
    return _of_case(one, "reason") | {"step": step, "stood_on": day}


def _return(one: Happened) -> Row:
    return _of_case(one, "return_type", "is_voluntary", "is_risk_assessed", "completed_on")


def _exception(one: Happened) -> Row:
    return _of_case(one, "organisation", "reason")


def _of_case(one: Happened, *fields: str) -> Row:
    body = one.event.model_dump(mode="json", include=set(fields))
    return body | {"case_id": one.subject} | _at(one) | _lies(one)


def _referral(one: Happened) -> Row:
    body = one.event.model_dump(mode="json", include=_OF_REFERRAL)
    return body | {"case_id": one.subject, "offered_at": one.recorded_at.isoformat()} | _lies(one)


def _step(one: Happened) -> Row:
    body = one.event.model_dump(mode="json", include={"referral_id", "reason"})
    step = one.event.name.partition(".")[2]
    return {"reason": None, "step": step} | body | _at(one) | _lies(one)


def _unplaced(one: Happened) -> Row:
    return _of_case(one, "service", "reason")


def _places(one: Happened) -> Row:
    return one.event.model_dump(mode="json") | _at(one) | _lies(one)


def _file(one: Happened) -> Row:
    """Of one case: `case_sequence` numbers the events of a case."""
    body = one.event.model_dump(mode="json", include=_OF_FILE)
    return body | {"case_id": one.subject} | _effective("stood_on", one) | _at(one) | _lies(one)


def _suspect(one: Happened) -> Row:
    """Of one file: `case_sequence` numbers the events of a file, since that is the subject."""
    body = one.event.model_dump(mode="json", exclude={"on"})
    return body | _effective("stood_on", one) | _at(one) | _lies(one)


def _judgment(one: Happened) -> Row:
    body = one.event.model_dump(mode="json", exclude={"on"})
    return body | _effective("judged_on", one) | _at(one) | _lies(one)


def _session(one: Happened) -> Row:
    """An organisation's own id names it."""
    return one.event.model_dump(mode="json") | _at(one) | _lies(one)


def _distinction(one: Happened) -> Row:
    body = one.event.model_dump(mode="json", include={"organisation", "session_id"})
    return body | _at(one) | _lies(one)


def _effective(name: str, one: Happened) -> Row:
    """The day since when it is so, whenever it was said."""
    return {name: one.event.model_dump(mode="json", include={"on"})["on"]}


def _at(one: Happened) -> Row:
    """Which of its subject it is, and when it came."""
    return {"case_sequence": one.case_sequence, "at": one.recorded_at.isoformat()}


def _organisation(one: Happened) -> Row:
    body = one.event.model_dump(mode="json", include=_OF_ORGANISATION)
    return body | {"recorded_at": one.recorded_at.isoformat()} | _lies(one)


def _position(one: Happened) -> Row:
    return {
        "stream": one.stream,
        "sequence": one.stream_sequence,
        "recorded_at": one.recorded_at.isoformat(),
    }


def _lies(one: Happened) -> dict[str, Any]:
    return {
        "event_id": str(one.event_id),
        "stream": one.stream,
        "stream_sequence": one.stream_sequence,
    }


def _keys(one: Happened) -> tuple[PublicKey, ...]:
    return one.event.keys if isinstance(one.event, OrganisationRegistered) else ()


class _Fact(NamedTuple):
    """The events that become rows of one table."""

    of: tuple[type[Message], ...]
    table: Table
    row: Callable[[Happened], Row]


#: The first that fits: an offer is the first of a referral's steps, and its beginning.
_FACTS: Final = (
    _Fact((CaseRegistered,), "facts_cases", _case),
    _Fact((CaseMerged, CaseUnmerged), "facts_merges", _merge),
    _Fact((CaseErased,), "facts_erasures", _erasure),
    _Fact((FollowupDone,), "facts_followups", _followup),
    _Fact((CaseClosed, CaseReopened), "facts_closings", _closing),
    _Fact((ReturnCompleted,), "facts_returns", _return),
    _Fact((AccessExcepted,), "facts_exceptions", _exception),
    _Fact((ReferralOffered,), "facts_referrals", _referral),
    _Fact((ReferralEvent,), "facts_referral_steps", _step),
    _Fact((ReferralUnplaced,), "facts_unplaced", _unplaced),
    _Fact((CapacityChanged,), "facts_places", _places),
    _Fact((ProceedingEvent,), "facts_proceedings", _file),
    _Fact((SuspectRecorded,), "facts_suspects", _suspect),
    _Fact((JudgmentRendered,), "facts_judgments", _judgment),
    _Fact((SessionRecorded,), "facts_sessions", _session),
    _Fact((SessionDistinguished,), "facts_distinctions", _distinction),
)
