"""The border of the outbox: what was marked as sent lies in its stream, in the place marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.broker import Wire
from chassis.conservation.reach import Reach, reach_of
from chassis.conservation.slices import by_time
from chassis.conservation.standing import ROOM, Look, Standing, Watched

#: Counting what waits is bounded too; beyond, the number only says that it is at least so many.
MANY = 100_000


class _Sent(NamedTuple):
    id: str
    stream_sequence: int
    sent_at: datetime


# The birth date and the moment since when marks are about the stream of that birth.
_KNOWN = text("select born, since from streams where name = :stream")
# By the mark's own time: a row that is sent late, or again, is looked at when it is.
_MARKED = text("""
    select id::text, stream_sequence, sent_at from outbox
    where stream = :stream and sent_at > :since and withdrawn_at is null
      and sent_at <= clock_timestamp() - make_interval(secs => :settled)
    order by sent_at fetch first :room rows with ties
""")
# What a broker restored from an older state has lost are the newest.
_NEWEST = text("""
    select id::text, stream_sequence, sent_at from (
        select * from outbox where stream = :stream and sent_at is not null
        order by sent_at desc limit :room
    ) as newest where stream_sequence > :last and sent_at <= :judged and withdrawn_at is null
""")
# Still to be accounted for: neither taken back nor about to be sent again.
_STILL = text("""
    select id::text, stream_sequence, sent_at from outbox
    where id = any(cast(:ids as uuid[])) and sent_at is not null and withdrawn_at is null
      and erased_at is null
""")
_WAITING = text("""
    select count(*) from (
        select from outbox where sent_at is null and erased_at is null and withdrawn_at is null
            and stream = :stream limit :room
    ) as waiting
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBorder:
    """Asks the stream for its holes, never for its messages: their ids are not ours to read.

    settled: seconds after which a mark is looked at; the relay has noticed a new stream by then.
    """

    stream: str
    wire: Wire
    settled: float

    @property
    def name(self) -> str:
        """`relay-<STREAM>`."""
        return f"relay-{self.stream}"

    async def look(
        self, connection: AsyncConnection, was: Standing | None, again: Sequence[Watched]
    ) -> Look | None:
        """One question to the stream; every row between two marks is compared with the answer."""
        known = (await connection.execute(_KNOWN, {"stream": self.stream})).first()
        try:
            reach = await reach_of(self.wire.jetstream, self.stream)
        except NotFoundError:
            return None
        if known is None or known.born != reach.born:
            return None  # the relay is about to notice, and to send again
        same = was if was is not None and was.born == reach.born else None
        since = same.since if same else known.since
        fresh = await self._marked(connection, since)
        still = await self._still(connection, again)
        lost = await self._cut_off(connection, same, reach)
        return Look(
            born=reach.born,
            upto=min(max([same.upto if same else 0, *_places(fresh)]), reach.last),
            since=max([since, *(row.sent_at for row in fresh)]),
            judged=len(fresh),
            waiting=await self._waiting(connection),
            taken_back=len(again) - len(still),
            found=[
                Watched(row.stream_sequence, row.id, "missing")
                for row in {*fresh, *still, *lost}
                if not reach.holds(row.stream_sequence)
            ],
            again=again,
        )

    async def _marked(self, connection: AsyncConnection, since: datetime) -> list[_Sent]:
        async def read(after: datetime, room: int) -> list[_Sent]:
            given = {"stream": self.stream, "since": after, "settled": self.settled, "room": room}
            return [_Sent(*row) for row in await connection.execute(_MARKED, given)]

        return await by_time(read, since=since, at=lambda row: row.sent_at)

    async def _still(self, connection: AsyncConnection, again: Sequence[Watched]) -> list[_Sent]:
        if not again:
            return []
        found = await connection.execute(_STILL, {"ids": [one.name for one in again]})
        rows = {row.id: _Sent(*row) for row in found}
        # Sent again since, it lies elsewhere and is looked at by its new mark.
        return [
            rows[one.name]
            for one in again
            if one.name in rows and rows[one.name].stream_sequence == one.stream_sequence
        ]

    async def _cut_off(
        self, connection: AsyncConnection, same: Standing | None, reach: Reach
    ) -> list[_Sent]:
        """What was found in its place before, in a stream that ends before that place now."""
        if same is None or reach.last >= same.upto:
            return []
        given = {
            "stream": self.stream,
            "last": reach.last,
            "judged": same.since,
            "room": ROOM,
        }
        return [_Sent(*row) for row in await connection.execute(_NEWEST, given)]

    async def _waiting(self, connection: AsyncConnection) -> int:
        given = {"stream": self.stream, "room": MANY}
        return int((await connection.execute(_WAITING, given)).scalar_one())


def _places(rows: Sequence[_Sent]) -> list[int]:
    return [row.stream_sequence for row in rows]
