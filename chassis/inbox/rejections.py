"""Telling a partner what was wrong with its message, without letting it flood its own feed."""

from collections.abc import Awaitable, Callable
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

_COUNT = text("""
    insert into rejections (organisation, minute, count)
    values (:organisation, date_trunc('minute', clock_timestamp()), 1)
    on conflict (organisation, minute) do update set count = rejections.count + 1
    returning count
""")
_OVER = text("""
    delete from rejections where minute < date_trunc('minute', clock_timestamp())
    returning organisation, minute, count as total
""")


async def tell(connection: AsyncConnection, rejection: Rejection, *, by: Tell) -> None:
    """Tell at most 60 a minute; the rest is only counted."""
    found = await connection.execute(_COUNT, {"organisation": rejection.organisation})
    if found.scalar_one() <= PER_MINUTE:
        await by(connection, rejection)


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
