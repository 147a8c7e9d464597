"""Follow-ups: which are due by the database's clock, and what came of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A case whose owner has to ask; days: since it is followed, in whole days of the due moment."""

    case_id: UUID
    owner: str
    due_at: datetime
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A follow-up as it was closed."""

    case_id: UUID
    after_days: int


# A case of a person that is followed under another, or that was erased or closed, asks nobody. Whoever
# looks at the same time gets others.
_CLAIM = text("""
    select case_id, owner, followup_due_at as due_at,
           round(extract(epoch from followup_due_at - followed_since) / 86400)::int as days
    from cases
    where followup_due_at <= (select clock_timestamp())
      and merged_into is null and number is not null and closed_at is null
    order by followup_due_at, case_id limit :room for update skip locked
""")
_ADD = text("""
    insert into followups (followup_id, case_id, after_days, due_at)
    values (:followup_id, :case_id, :after_days, :due_at)
""")
_NEXT = text("""
    update cases set followup_due_at = followed_since + make_interval(days => :days)
    where case_id = :case_id
""")
_LOCK = text("""
    select followups.case_id, after_days, owner, outcome from followups
    join cases using (case_id) where followup_id = :followup_id and closed_at is null for update
""")
_DONE = text("""
    update followups set outcome = :outcome, done_by = :by, done_at = clock_timestamp()
    where followup_id = :followup_id
""")
# Row-level security shows an owner those of its cases.
_LISTED = text("""
    select followup_id, number, after_days, due_at, outcome, done_at
    from followups join cases using (case_id)
    where number is not null and (done_at is null and closed_at is null or done_at is not null and :with_done)
    order by done_at is not null, due_at limit 200
""")


async def claim(connection: AsyncConnection, *, room: int) -> list[Due]:
    """Cases whose moment has come, locked."""
    return [Due(**row._mapping) for row in await connection.execute(_CLAIM, {"room": room})]


async def add(
    connection: AsyncConnection, one: Due, *, followup_id: UUID, then: int | None
) -> None:
    """It is due now. then: days after which the next one is, None when this was the last."""
    row = {"case_id": one.case_id, "after_days": one.days, "due_at": one.due_at}
    await connection.execute(_ADD, row | {"followup_id": followup_id})
    await connection.execute(_NEXT, {"case_id": one.case_id, "days": then})


async def finish(
    connection: AsyncConnection, followup_id: UUID, *, owner: str, outcome: str
) -> Done | None:
    """Write what came of it; None where none of this owner's is open under this id."""
    row = (await connection.execute(_LOCK, {"followup_id": followup_id})).first()
    if row is None or row.owner != owner or row.outcome is not None:
        return None
    given = {"followup_id": followup_id, "outcome": outcome, "by": owner}
    await connection.execute(_DONE, given)
    return Done(case_id=row.case_id, after_days=row.after_days)


async def listed(connection: AsyncConnection, *, with_done: bool) -> list[dict[str, Any]]:
    """The 200 that are due longest of the reading organisation's, and after them what is done."""
    found = await connection.execute(_LISTED, {"with_done": with_done})
    return [dict(row._mapping) for row in found]
