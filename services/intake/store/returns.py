"""Returns: which is planned of a person, and on which day she arrived."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.returns import Return

# Of several cases of one person the plan may be under another than that by which she counts now.
_CHANGE = text("""
    update returns set return_type = :return_type, is_voluntary = :is_voluntary,
        is_risk_assessed = :is_risk_assessed, planned_for = :planned_for
    where return_id = (
        select return_id from returns where case_id = any(cast(:cases as uuid[]))
            and completed_on is null order by return_id limit 1)
    returning return_id
""")
_ADD = text("""
    insert into returns (return_id, case_id, return_type, is_voluntary, is_risk_assessed, planned_for)
    values (:return_id, :case_id, :return_type, :is_voluntary, :is_risk_assessed, :planned_for)
""")
_COMPLETE = text("""
    update returns set completed_on = :completed_on
    where return_id = :return_id and case_id = any(cast(:cases as uuid[])) and completed_on is null
    returning return_type, is_voluntary, is_risk_assessed
""")
_PLANNED = text("""
    select planned_for from returns
    where case_id = any(cast(:cases as uuid[])) and completed_on is null order by return_id limit 1
""")
# Row-level security shows an owner those of its cases.
_LISTED = text("""
    select return_id, number, return_type, is_voluntary, is_risk_assessed, planned_for, completed_on
    from returns join cases using (case_id) where number is not null
    order by completed_on is not null, planned_for, return_id limit 200
""")


async def change(
    connection: AsyncConnection, cases: Collection[UUID], plan: Return, *, planned_for: date
) -> UUID | None:
    """Put this in the place of what is planned of these cases' person; its id, None without one."""
    given = {"cases": list(cases), "planned_for": planned_for}
    found: UUID | None = await connection.scalar(_CHANGE, given | asdict(plan))
    return found


async def add(
    connection: AsyncConnection, case_id: UUID, return_id: UUID, *, plan: Return, planned_for: date
) -> None:
    """It is planned."""
    given = {"return_id": return_id, "case_id": case_id, "planned_for": planned_for}
    await connection.execute(_ADD, given | asdict(plan))


async def complete(
    connection: AsyncConnection, cases: Collection[UUID], return_id: UUID, *, completed_on: date
) -> Return | None:
    """She has arrived; what was known of it. None: none is planned of these cases under this id."""
    given = {"cases": list(cases), "return_id": return_id, "completed_on": completed_on}
    row = (await connection.execute(_COMPLETE, given)).first()
    return None if row is None else Return(**row._mapping)


async def planned(connection: AsyncConnection, cases: Collection[UUID]) -> date | None:
    """For which day one is planned of these cases' person."""
    found: date | None = await connection.scalar(_PLANNED, {"cases": list(cases)})
    return found


async def listed(connection: AsyncConnection) -> list[dict[str, Any]]:
    """200 of the reading organisation's: what is planned, the soonest first, then what is over."""
    return [dict(row._mapping) for row in await connection.execute(_LISTED)]
