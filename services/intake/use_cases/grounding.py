"""Recording a ground other than consent that came later: it opens what it carries, and takes nothing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts.intake import Basis, GroundRecorded
from services.intake.domain.closing import CaseIsClosed
from services.intake.store import consents, merges
from services.intake.use_cases.disclosing import Discloser, release_more


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounded:
    """One ground as an officer recorded it."""

    line: Basis
    owner: str
    trace: str | None


async def record_ground(
    connection: AsyncConnection, case_id: UUID, grounded: Grounded, *, by: Discloser
) -> tuple[UUID, datetime]:
    """Record, announce and carry it out for every case of the person; this case's id and moment.

    Raises `CaseIsClosed`.
    """
    cases = await merges.person(connection, case_id)
    if (await consents.files(connection, cases))[case_id].is_closed:
        raise CaseIsClosed
    done = {one: await _record(connection, one, grounded, by=by) for one in cases}
    return done[case_id]


async def _record(
    connection: AsyncConnection, case_id: UUID, grounded: Grounded, *, by: Discloser
) -> tuple[UUID, datetime]:
    before = (await consents.files(connection, [case_id]))[case_id]
    decision_id, at = by.mint.message_id(), before.decides(by.mint.moment())
    await consents.add_decision(
        connection,
        grounded.line,
        decision_id=decision_id,
        case_id=case_id,
        at=at,
        recorded_by=grounded.owner,
    )
    event = GroundRecorded(decision_id=decision_id, line=grounded.line)
    said = by.announced(event, case_id, cause=None, trace=grounded.trace)
    await outbox.add(connection, [said])
    after = (await consents.files(connection, [case_id]))[case_id]
    await release_more(connection, after, by=by, cause=str(said.id), trace=grounded.trace)
    return decision_id, at
