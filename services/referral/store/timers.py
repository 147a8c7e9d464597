"""What has to happen at which moment of the database's clock, whatever any service's own clock says.

One row for each matter that waits for somebody: what comes next, and when. Nobody takes a row away
when an answer comes, so that an answer costs nothing more: a timer asks when it is due whether it
still means anything.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Timer(NamedTuple):
    """matter_id: a referral, or a service that nobody is asked for. step: what comes next; pause: after how long."""

    matter_id: UUID
    step: str
    pause: timedelta


class Due(NamedTuple):
    """A timer whose moment has come. late_by: how long ago, where nobody was there to look."""

    matter_id: UUID
    step: str
    late_by: timedelta = timedelta()


_GIVEN = """
    unnest(cast(:ids as uuid[]), cast(:steps as text[]), cast(:pauses as interval[]))
        as given(matter_id, step, pause)
"""
_START = text(f"""
    insert into timers (matter_id, step, due_at)
    select matter_id, step, clock_timestamp() + pause from {_GIVEN}
""")  # noqa: S608 - a constant of ours
# From the moment that was meant, not from when somebody came round to it.
_GO_ON = text(f"""
    update timers set step = given.step, due_at = due_at + given.pause
    from {_GIVEN} where timers.matter_id = given.matter_id
""")  # noqa: S608 - a constant of ours
# After a rung was called: people have that time from then on.
_AGAIN = text(f"""
    update timers set step = given.step, due_at = clock_timestamp() + given.pause
    from {_GIVEN} where timers.matter_id = given.matter_id
""")  # noqa: S608 - a constant of ours
_END = text("delete from timers where matter_id = any(cast(:ids as uuid[]))")
# A clock that is asked once can be looked up in the index.
_IS_DUE = "due_at <= (select clock_timestamp())"
_DUE = "select matter_id, step, clock_timestamp() - due_at from timers"
_IS_ANY_DUE = text(f"select exists (select from timers where {_IS_DUE})")  # noqa: S608 - a constant of ours
# Whoever else looks at the same time gets others; who ends before the commit has taken none.
_CLAIM = text(f"""
    {_DUE} where {_IS_DUE} and step <> :but
    order by due_at, matter_id limit :room for update skip locked
""")
_CLAIM_STEP = text(f"""
    {_DUE} where {_IS_DUE} and step = :step
    order by due_at, matter_id limit 1 for update skip locked
""")
_CLAIM_ONE = text(f"""
    {_DUE} where matter_id = :matter_id and {_IS_DUE} for update skip locked
""")
_POSTPONE = text(f"""
    update timers set due_at = clock_timestamp() + cast(:pause as interval)
    where matter_id = :matter_id and {_IS_DUE}
""")  # noqa: S608 - a constant of ours
_WHEN = text("select due_at from timers where matter_id = :matter_id")


async def start(connection: AsyncConnection, timers: Sequence[Timer]) -> None:
    """From now on."""
    await _each(connection, _START, timers)


async def go_on(connection: AsyncConnection, timers: Sequence[Timer]) -> None:
    """What comes after what was due, that long after it."""
    await _each(connection, _GO_ON, timers)


async def again(connection: AsyncConnection, timers: Sequence[Timer]) -> None:
    """What comes next, that long from now on."""
    await _each(connection, _AGAIN, timers)


async def end(connection: AsyncConnection, matters: Collection[UUID]) -> None:
    """Nothing more comes of these."""
    if matters:
        await connection.execute(_END, {"ids": list(matters)})


async def is_any_due(connection: AsyncConnection) -> bool:
    """Whether there is anything to claim."""
    return bool(await connection.scalar(_IS_ANY_DUE))


async def claim(connection: AsyncConnection, *, room: int, but: str) -> list[Due]:
    """Those that are due, the oldest first, for this transaction alone; none of the step `but`."""
    return [Due(*row) for row in await connection.execute(_CLAIM, {"room": room, "but": but})]


async def claim_step(connection: AsyncConnection, step: str) -> Due | None:
    """The oldest of this step that is due and that nobody else has, for this transaction alone."""
    row = (await connection.execute(_CLAIM_STEP, {"step": step})).one_or_none()
    return None if row is None else Due(*row)


async def claim_one(connection: AsyncConnection, matter_id: UUID) -> list[Due]:
    """That one, if it is still due and nobody else has it."""
    return [Due(*row) for row in await connection.execute(_CLAIM_ONE, {"matter_id": matter_id})]


async def when(connection: AsyncConnection, matter_id: UUID) -> datetime | None:
    """The moment at which that one is due, if it waits for any."""
    found: datetime | None = await connection.scalar(_WHEN, {"matter_id": matter_id})
    return found


async def postpone(connection: AsyncConnection, matter_id: UUID, *, pause: timedelta) -> None:
    """Try that one again later."""
    await connection.execute(_POSTPONE, {"matter_id": matter_id, "pause": pause})


async def _each(connection: AsyncConnection, statement: object, timers: Sequence[Timer]) -> None:
    if timers:
        ids, steps, pauses = map(list, zip(*timers, strict=True))
        given = {"ids": ids, "steps": steps, "pauses": pauses}
        await connection.execute(statement, given)  # type: ignore[call-overload]  # one of the above
