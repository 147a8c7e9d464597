"""What the tables of a consumer say, asked in few statements: where messages went, what is claimed."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.conservation.slices import by_time, in_slices
from chassis.conservation.standing import Watched
from chassis.inbox.seen import Seen

# One statement is one moment: what moves from one table to another is seen in one of them. Each
# table is asked only about what those before it do not know, by its key: stale statistics plan joins
# as scans.
_JUDGED = text("""
    select case
        when letter.state in ('open', 'retry') then 'dead'
        when letter.state = 'discarded' then 'discarded'
        when (select last from positions
            where consumer = :consumer and source = item.source and subject = item.subject
            limit 1) >= item.number then 'delivered'
        when (select digest from inbox
            where consumer = :consumer and source = item.source and id = item.id
            limit 1) = item.digest then 'delivered'
        when exists (select from parked
            where consumer = :consumer and source = item.source and subject = item.subject
              and case_sequence = item.number) then 'parked'
        when exists (select from redeliveries
            where consumer = :consumer and stream = :stream and stream_sequence = item.sequence)
            then 'pending'
        else 'missing' end as state
    from unnest(cast(:sequences as bigint[]), cast(:digests as bytea[]), cast(:sources as text[]),
                cast(:subjects as text[]), cast(:numbers as bigint[]), cast(:ids as uuid[]))
        with ordinality as item(sequence, digest, source, subject, number, id, nth)
    left join lateral (select state from dead_letters
        where consumer = :consumer and stream = :stream and stream_sequence = item.sequence
          and digest = item.digest limit 1) as letter on true
    order by nth
""")
# Of a message that its stream has let go, only its place is known.
_KEPT = text("""
    select sequence from unnest(cast(:sequences as bigint[])) as item(sequence)
    where exists (select from dead_letters where consumer = :consumer and stream = :stream
            and stream_sequence = sequence and state in ('open', 'retry'))
        or exists (select from parked where consumer = :consumer and stream = :stream
            and stream_sequence = sequence)
        or exists (select from redeliveries where consumer = :consumer and stream = :stream
            and stream_sequence = sequence)
""")
_CLAIMED = text("""
    select source, id::text, digest, coalesce(stream_sequence, 0), received_at from inbox
    where received_at > :since and consumer = :consumer
      and received_at <= clock_timestamp() - make_interval(secs => :settled)
    order by received_at fetch first :room rows with ties
""")
_STILL_CLAIMED = text("""
    select item.source, item.id::text, digest, coalesce(stream_sequence, 0), received_at
    from unnest(cast(:sources as text[]), cast(:ids as uuid[])) as item(source, id)
    cross join lateral (select digest, stream_sequence, received_at from inbox
        where consumer = :consumer and source = item.source and id = item.id limit 1) as done
""")


class Claim(NamedTuple):
    """An inbox row: that the message of this place had its effect."""

    source: str
    id: str
    digest: bytes
    stream_sequence: int
    received_at: datetime


async def judged(
    connection: AsyncConnection, consumer: str, stream: str, *, messages: Sequence[Seen]
) -> list[str]:
    """Each message's state: delivered, discarded, dead, parked, pending or missing."""
    states: list[str] = []
    async for some in in_slices(messages):
        given = {
            "consumer": consumer,
            "stream": stream,
            "sequences": [one.sequence for one in some],
            "digests": [one.digest for one in some],
            "sources": [one.source for one in some],
            "subjects": [one.subject for one in some],
            "numbers": [one.number for one in some],
            "ids": [one.id for one in some],
        }
        states += [row.state for row in await connection.execute(_JUDGED, given)]
    return states


async def kept(
    connection: AsyncConnection, consumer: str, stream: str, *, sequences: Sequence[int]
) -> frozenset[int]:
    """Which of these places a table still holds something of."""
    if not sequences:
        return frozenset()
    given = {"consumer": consumer, "stream": stream, "sequences": list(sequences)}
    found = await connection.execute(_KEPT, given)
    return frozenset(row.sequence for row in found)


async def claimed(
    connection: AsyncConnection, consumer: str, *, since: datetime, settled: float
) -> list[Claim]:
    """What the inbox has taken in since, oldest first, but for the last `settled` seconds."""

    async def read(after: datetime, room: int) -> list[Claim]:
        given = {"consumer": consumer, "since": after, "settled": settled, "room": room}
        return [Claim(*row) for row in await connection.execute(_CLAIMED, given)]

    return await by_time(read, since=since, at=lambda one: one.received_at)


async def still_claimed(
    connection: AsyncConnection, consumer: str, rows: Sequence[Watched]
) -> list[Claim]:
    """Those of these rows that are still in the inbox."""
    if not rows:
        return []
    given = {"sources": [one.source for one in rows], "ids": [one.name for one in rows]}
    found = await connection.execute(_STILL_CLAIMED, given | {"consumer": consumer})
    return [Claim(*row) for row in found]
