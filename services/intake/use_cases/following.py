"""Following what referral says: the directory's keys, and how the cases of intake fare."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.event import Message
from contracts.keyring import Keyring
from contracts.referral import (
    OrganisationRegistered,
    ProceedingEvent,
    ReferralEvent,
    ReferralOffered,
    ReferralUnplaced,
)
from contracts.threats import ThreatReported
from services.intake.store import followed, merges, threats
from services.intake.use_cases.following_keys import follow_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """An event of referral, with the case it is about and when it was recorded."""

    id: UUID
    event: Message
    subject: str
    at: datetime


async def follow_referrals(
    connection: AsyncConnection, events: Sequence[Followed], *, officers: Keyring
) -> None:
    """Keep what the owner may see of its cases, and the keys that an officer has vouched for.

    Tokens are checked with these keys, and dossiers sealed to them.
    """
    organisations = [(e.event, e.at) for e in events if isinstance(e.event, OrganisationRegistered)]
    if organisations:
        rows = [entry.model_dump(mode="json") for entry, _ in organisations]
        await followed.save_organisations(connection, rows)
    for entry, at in organisations:
        await follow_keys(connection, entry, officers=officers, at=at)
    threatened = [(e.event, e) for e in events if isinstance(e.event, ThreatReported)]
    if threatened:
        await _follow_threats(connection, threatened)
    steps = [_step(e.event, e) for e in events if isinstance(e.event, ReferralEvent)]
    if steps:
        await followed.save_steps(connection, steps)
    for one in events:
        if isinstance(one.event, ProceedingEvent):
            await followed.save_file(connection, _file(one.event, one))
    await _follow_unplaced(connection, events)


async def _follow_unplaced(connection: AsyncConnection, events: Sequence[Followed]) -> None:
    """Of each service the last word counts: nobody is asked, or somebody is."""
    last = {
        (UUID(one.subject), one.event.service): one
        for one in events
        if isinstance(one.event, ReferralOffered | ReferralUnplaced)
    }
    placed = [key for key, one in last.items() if isinstance(one.event, ReferralOffered)]
    await followed.forget_unplaced(connection, placed)
    for (case_id, _), one in last.items():
        if isinstance(one.event, ReferralUnplaced):
            row = one.event.model_dump(include={"service", "reason", "unplaced_id"})
            await followed.save_unplaced(connection, row | {"case_id": case_id, "at": one.at})


async def _follow_threats(
    connection: AsyncConnection, threatened: Sequence[tuple[ThreatReported, Followed]]
) -> None:
    """Whoever threatens her, threatens her in each of her cases."""
    persons = [await merges.person(connection, UUID(one.subject)) for _, one in threatened]
    # All of them at once, in the order in which everybody takes them.
    await merges.take(connection, {case_id for cases in persons for case_id in cases})
    names = {"organisation", "threat", "threat_source", "urgency", "on"}
    for (event, one), cases in zip(threatened, persons, strict=True):
        said = event.model_dump(include=names)
        row = said | {"case_id": UUID(one.subject), "event_id": one.id, "at": one.at}
        await threats.save(connection, row, safety=event.safety)
        await threats.heed(connection, cases)


def _file(event: ProceedingEvent, one: Followed) -> dict[str, Any]:
    names = {"organisation", "proceeding_id", "state", "on", "next_hearing_on"}
    return event.model_dump(include=names) | {"case_id": UUID(one.subject)}


def _step(event: ReferralEvent, one: Followed) -> dict[str, Any]:
    return {
        "referral_id": str(event.referral_id),
        "step": event.name.partition(".")[2],
        "case_id": one.subject,
        "organisation": event.organisation,
        "service": event.service,
        "at": one.at.isoformat(),
        "reason": getattr(event, "reason", None),
    }
