"""Calling the next rung: whatever waits reaches a person, and where one cannot be told, the next."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.event import Message
from contracts.notices import NoticeFailed, ReferralEscalated
from services.referral.domain.deadlines import RUNGS, Step, above, patience
from services.referral.store import notices, roster
from services.referral.store.notices import Matter, Notice
from services.referral.store.timers import Timer
from services.referral.use_cases.announcing import Announcer, Cause

NO_ANSWER, NO_NOTICE, NO_CONTACT = "no_answer", "no_notice", "no_contact"
#: Who stands on which rung: (organisation that has to act, rung) → whose posts are told.
Roster = Mapping[tuple[str, str], str]


class Called(NamedTuple):
    """A rung that is called, and why."""

    notice: Notice
    reason: str


async def call_next_rung(
    connection: AsyncConnection,
    causes: Mapping[UUID, Cause],
    *,
    announcer: Announcer,
    reason: str = NO_ANSWER,
) -> dict[UUID, Matter]:
    """A notice to the next rung of each that still waits; those above whom another rung is left.

    causes: each that may wait, with what this follows from.
    """
    await notices.lock(connection, causes)
    waiting = await notices.open_matters(connection, causes)
    wanted = {(one.waits_for, rung) for one in waiting.values() for rung in above(one.rung)}
    there = await roster.who(connection, wanted)
    called = {
        id: list(_climb(matter, there, reason=reason, announcer=announcer))
        for id, matter in waiting.items()
    }
    every = [one for climbed in called.values() for one in climbed]
    await notices.add(connection, [one.notice for one in every])
    said = [m for one in every for m in _told(one, announcer, causes[one.notice.matter_id])]
    await outbox.add(connection, said)
    return {id: waiting[id] for id, climbed in called.items() if climbed and _goes_on(climbed)}


def climbing(matters: Iterable[Matter]) -> list[Timer]:
    """When their next rungs are called, if nothing happens before."""
    return [Timer(one.matter_id, Step.CLIMB, patience(one.urgency)) for one in matters]


def _climb(matter: Matter, there: Roster, *, reason: str, announcer: Announcer) -> Iterator[Called]:
    """Up to the first rung on which somebody stands."""
    for rung in above(matter.rung):
        told = there.get((matter.waits_for, rung))
        yield Called(_notice(matter, rung, told, id=announcer.mint.opaque_id()), reason)
        if told is not None:
            return
        reason = NO_NOTICE


def _goes_on(climbed: list[Called]) -> bool:
    return climbed[-1].notice.rung != RUNGS[-1]


def _notice(matter: Matter, rung: str, told: str | None, *, id: UUID) -> Notice:
    return Notice(
        notice_id=id,
        matter_id=matter.matter_id,
        case_id=matter.case_id,
        service=matter.service,
        waits_for=matter.waits_for,
        is_referral=matter.is_referral,
        is_threat=matter.is_threat,
        rung=rung,
        organisation=told,
    )


def _told(called: Called, announcer: Announcer, cause: Cause) -> Iterator[Outgoing]:
    """Of the first rung nothing is said: that something waits is an event of its own."""
    notice = called.notice
    if notice.rung != RUNGS[0]:
        escalated = ReferralEscalated(**matter_of(notice), reason=called.reason)
        yield announcer.inside(escalated, notice.case_id, cause=cause)
    if notice.organisation is None:
        yield announcer.inside(failed(notice, reason=NO_CONTACT), notice.case_id, cause=cause)


def failed(notice: Notice, *, reason: str) -> Message:
    """Nobody on this rung could be told."""
    return NoticeFailed(**notice_of(notice), reason=reason)


def notice_of(notice: Notice) -> dict[str, Any]:
    """What every event of a notice says."""
    return matter_of(notice) | {
        "notice_id": notice.notice_id,
        "organisation": notice.organisation,
    }


def matter_of(notice: Notice) -> dict[str, Any]:
    """What every event of something that waits says."""
    name = "referral_id" if notice.is_referral else "unplaced_id"
    name = "threat_id" if notice.is_threat else name
    return {
        "service": notice.service,
        "waits_for": notice.waits_for,
        "rung": notice.rung,
        name: notice.matter_id,
    }
