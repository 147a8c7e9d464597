"""Ending a case and taking it up again: the whole person's cases at once, by their owner alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, outbox
from chassis.audit import Look
from contracts.cases import CaseClosed, CaseReopened
from contracts.event import Message
from services.intake.domain import closing as rules
from services.intake.domain.closing import Standing
from services.intake.store import closings, consents, merges, transfers
from services.intake.store.consents import CaseFile
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.taking_part import tell_closed, tell_reopened
from services.intake.use_cases.transferring import Acting

CLOSE, REOPEN = "case.close", "case.reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The cases of the person whom a case is about, held. root: under which they all count."""

    root: UUID
    files: Mapping[UUID, CaseFile]
    now: Standing


async def close_case(
    connection: AsyncConnection,
    acting: Acting,
    number: str,
    *,
    reason: str,
    ends_services: bool,
    by: Discloser,
) -> date | None:
    """End the person's cases; the day. None: the caller owns no such case.

    Raises the kinds of `ClosingRefused`.
    """
    found = await held_person(connection, acting, number, action=CLOSE)
    if found is None:
        return None
    rules.require_closable(found.now, ends_services=ends_services)
    await closings.close(connection, found.files, reason=reason)
    day = by.mint.moment().date()
    said = CaseClosed(organisation=acting.who.organisation, reason=reason, closed_on=day)
    await say(connection, acting, dict.fromkeys(found.files, said), action=CLOSE, by=by)
    await tell_closed(connection, found.files, trace=acting.trace, by=by)
    return day


async def reopen_case(
    connection: AsyncConnection,
    acting: Acting,
    number: str,
    *,
    reason: str,
    needs: tuple[str, ...],
    by: Discloser,
) -> date | None:
    """Take the person's cases up again, and have somebody asked for these needs; the day.

    None: the caller owns no such case. Raises the kinds of `ClosingRefused`.
    """
    found = await held_person(connection, acting, number, action=REOPEN)
    if found is None:
        return None
    rules.require_reopenable(found.now, asks=bool(needs))
    await closings.reopen(connection, found.files)
    day = by.mint.moment().date()
    said = CaseReopened(organisation=acting.who.organisation, reason=reason, reopened_on=day)
    # A person is asked for once, by the case under which she counts.
    asking = {found.root: said.model_copy(update={"needs": needs})}
    await say(connection, acting, dict.fromkeys(found.files, said) | asking, action=REOPEN, by=by)
    await tell_reopened(connection, found.files, trace=acting.trace, by=by)
    return day


async def held_person(
    connection: AsyncConnection, acting: Acting, number: str, *, action: str
) -> Person | None:
    """All cases of the person whom a case of the caller's is about; None, on record: it owns no such case.

    Asked again once they are held: somebody may have given the case away meanwhile.
    """
    await merges.hold(connection)
    owner = acting.who.organisation
    case_id = await consents.own_case(connection, number, owner=owner)
    if case_id is not None:
        root = (await merges.root(connection, case_id)).case_id
        files = await consents.files(connection, await merges.below(connection, root))
        if files[root].owner == owner and not files[case_id].is_erased:
            return Person(
                root=root, files=files, now=await _standing(connection, files[root], files)
            )
    await audit.add(connection, acting.who, [Look(action=action, outcome="not_found", shown=0)])
    return None


async def _standing(
    connection: AsyncConnection, root: CaseFile, files: Mapping[UUID, CaseFile]
) -> Standing:
    return Standing(
        is_closed=root.is_closed,
        is_offered=any(one.is_open for one in await transfers.open_of(connection, files)),
        has_service=await closings.has_service(connection, files),
        has_place=bool(root.facts.region and root.facts.urgency),
    )


async def say(
    connection: AsyncConnection,
    acting: Acting,
    said: Mapping[UUID, Message],
    *,
    action: str,
    by: Discloser,
) -> None:
    """By case, what happened; on record for each."""
    await outbox.add(
        connection,
        [by.announced(event, one, cause=None, trace=acting.trace) for one, event in said.items()],
    )
    looks = [Look(action=action, case_id=one, outcome="granted", shown=0) for one in said]
    await audit.add(connection, acting.who, looks)
