"""What lies in an outbox, counted for an operator, and what an operator may send again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_STANDING = text("""
    select stream, coalesce(waiting, 0), coalesce(untaken, 0), coalesce(to_take_out, 0), oldest
    from (
        select stream,
            count(*) filter (where sent_at is null and withdrawn_at is null) as waiting,
            count(*) filter (where withdrawn_at is not null) as to_take_out,
            min(created_at) filter (where sent_at is null and withdrawn_at is null) as oldest
        from outbox where (sent_at is null and erased_at is null)
            or (withdrawn_at is not null and erased_at is null)
        group by stream
    ) as kept
    full join (
        select outbox.stream, count(*) as untaken from unconfirmed join outbox using (position)
        where withdrawn_at is null and erased_at is null group by outbox.stream
    ) as sent using (stream)
    order by stream
""")
_RESEND = text("""
    with again as (
        update outbox set sent_at = null, stream_sequence = null from unconfirmed
        where unconfirmed.position = outbox.position and unconfirmed.stream = :stream
          and body is not null and withdrawn_at is null and erased_at is null
        returning outbox.position
    )
    delete from unconfirmed using again where unconfirmed.position = again.position
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """One stream's part: rows not sent, sent and not taken by everybody, withdrawn and still there.

    oldest: when the oldest of those not sent was written.
    """

    stream: str
    waiting: int
    untaken: int
    to_take_out: int
    oldest: datetime | None


async def standing(connection: AsyncConnection) -> list[Standing]:
    """Each stream for which something has not come to its end; nothing of any content."""
    return [Standing(*row) for row in await connection.execute(_STANDING)]


async def resend(connection: AsyncConnection, stream: str) -> int:
    """What was sent to this stream and not taken by everybody waits again; how many rows.

    The bytes and ids are those of the first time, so whoever has one already steps over it.
    """
    return (await connection.execute(_RESEND, {"stream": stream})).rowcount
