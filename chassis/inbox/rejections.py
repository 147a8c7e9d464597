"""Telling a partner what was wrong with its message, without letting it flood its own feed."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PER_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """What to tell the sender; `message_id` only when it was readable."""

    organisation: str
    reason: str
    field: str | None = None
    allowed: tuple[str, ...] = ()
    message_id: str | None = None
    count: int = 1


Tell = Callable[[AsyncConnection, Rejection], Awaitable[None]]

# In the order of the key, or two batches could lock each other out.
_COUNT = text("""
    insert into rejections (organisation, minute, count)
    select organisation, date_trunc('minute', clock_timestamp()), more
    from unnest(cast(:organisations as text[]), cast(:more as int[])) as given(organisation, more)
    order by organisation
    on conflict (organisation, minute) do update set count = rejections.count + excluded.count
    returning organisation, count as total
""")
_OVER = text("""
    delete from rejections where minute < date_trunc('minute', clock_timestamp())
    returning organisation, minute, count as total
""")


async def tell(connection: AsyncConnection, rejected: Sequence[Rejection], *, by: Tell) -> None:
    """Tell at most 60 a minute of one organisation; the rest is only counted."""
    of: defaultdict[str, list[Rejection]] = defaultdict(list)
    for one in rejected:
        of[one.organisation].append(one)
    if not of:
        return
    more = [len(of[organisation]) for organisation in of]
    found = await connection.execute(_COUNT, {"organisations": list(of), "more": more})
    for row in found.all():
        told = of[row.organisation]
        room = max(0, PER_MINUTE - (row.total - len(told)))
        for one in told[:room]:
            await by(connection, one)


async def sum_up(connection: AsyncConnection, *, by: Tell) -> list[tuple[str, datetime]]:
    """For every minute that is over and had more, one message with the count."""
    summed = []
    for row in await connection.execute(_OVER):
        if row.total > PER_MINUTE:
            left = row.total - PER_MINUTE
            await by(
                connection,
                Rejection(organisation=row.organisation, reason="too_many", count=left),
            )
            summed.append((row.organisation, row.minute + timedelta(minutes=1)))
    return summed
