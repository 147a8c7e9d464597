"""The border of a consumer: what a durable has acknowledged is in this service's own tables."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.broker import Wire
from chassis.conservation.claims import Claim, claimed, judged, kept, still_claimed
from chassis.conservation.reach import Reach, reach_of, read, read_on
from chassis.conservation.standing import ROOM, Look, Standing, Watched
from chassis.inbox.seen import Deliveries, Seen
from contracts.topology import READINGS

_EVER = datetime.fromtimestamp(0, tz=UTC)
_NOW = text("select clock_timestamp()")
_PATTERNS = {reading.durable.name: reading.filter_subjects for reading in READINGS}


class Reader(Protocol):
    """What the law must know of a consumer."""

    @property
    def name(self) -> str:
        """The durable."""

    @property
    def stream(self) -> str:
        """What it reads."""

    @property
    def ordered(self) -> bool:
        """Whether a position for each case is its inbox, and not a row for each message."""

    @property
    def deliveries(self) -> Deliveries:
        """What came to this process."""


class _Acked(NamedTuple):
    """Messages acknowledged since the last look; all up to `upto` has been read, up to `floor` acked."""

    messages: Mapping[int, Seen]
    upto: int
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBorder:
    """Judges each message once, after its acknowledgement: finds where it has gone.

    How far the durable has acknowledged is asked before the tables are: an ack follows its commit,
    so whatever it covers is in them. settled: seconds after which an inbox row is looked at.
    """

    reader: Reader
    wire: Wire
    settled: float

    @property
    def name(self) -> str:
        """The durable's."""
        return self.reader.name

    @property
    def stream(self) -> str:
        """The stream it reads."""
        return self.reader.stream

    async def look(
        self, connection: AsyncConnection, was: Standing | None, again: Sequence[Watched]
    ) -> Look | None:
        """What was acknowledged since, what is watched, and what the inbox claims since."""
        try:
            reach = await reach_of(self.wire.jetstream, self.stream)
            info = await self.wire.jetstream.consumer_info(self.stream, self.name)
        except NotFoundError:
            return None
        same = was if was is not None and was.born == reach.born else None
        start = max(same.upto if same else 0, reach.first - 1)
        acked = await self._acked(info, start, reach)
        look = Look(
            born=reach.born,
            upto=acked.upto,
            since=same.since if same else await self._begin(connection, is_first=was is None),
            judged=len(acked.messages),
            waiting=_unacked(info) + max(0, acked.floor - acked.upto),
            again=again,
        )
        await self._follow(connection, look, acked.messages)
        if not self.reader.ordered:
            await self._question(connection, look, reach=reach, known=acked.messages)
        return look

    async def _acked(self, info: ConsumerInfo, start: int, reach: Reach) -> _Acked:
        """A durable made anew begins below what was judged, and is waited for."""
        floor = info.ack_floor.stream_seq if info.ack_floor else 0
        places = range(start + 1, floor + 1)
        if not _PATTERNS.get(self.name):
            places = places[:ROOM]
            upto = max(start, places.stop - 1)
            return _Acked(await self._all_of(places, reach), upto, floor)
        messages = await self._heard(places)
        upto = max(messages) if len(messages) == ROOM else max(start, floor)
        return _Acked(messages, upto, floor)

    async def _all_of(self, places: Collection[int], reach: Reach) -> dict[int, Seen]:
        """The messages in these places: those that came to this process, and the others read."""
        held = [place for place in places if reach.holds(place)]
        known = self.reader.deliveries.among(held, since=reach.created)
        others = (place for place in held if place not in known)
        return known | await read(self.wire.jetstream, self.stream, others)

    async def _heard(self, places: range) -> Mapping[int, Seen]:
        """The first of the messages in these places that fit what the durable hears."""
        found: dict[int, Seen] = {}
        for pattern in _PATTERNS[self.name]:
            found |= await read_on(
                self.wire.jetstream, self.stream, places=places, room=ROOM, pattern=pattern
            )
        # Of each pattern all is here that lies before the last of the first so many.
        return {place: found[place] for place in sorted(found)[:ROOM]}

    async def _begin(self, connection: AsyncConnection, *, is_first: bool) -> datetime:
        """Inbox rows of before a stream was made anew name places in the one before."""
        if is_first:
            return _EVER
        now: datetime = (await connection.execute(_NOW)).scalar_one()
        return now + timedelta(seconds=self.settled)

    async def _follow(
        self, connection: AsyncConnection, look: Look, fresh: Mapping[int, Seen]
    ) -> None:
        """Where has each gone."""
        again = {
            (one.stream_sequence, one.name): one for one in look.again if one.state != "unfounded"
        }
        stored = await read(self.wire.jetstream, self.stream, (place for place, _ in again))
        back = [one for one in stored.values() if (one.sequence, one.name) in again]
        messages = [*fresh.values(), *back]
        states = await judged(connection, self.name, self.stream, messages=messages)
        for one, state in zip(messages, states, strict=True):
            if state == "discarded":
                look.discarded += 1
            elif state != "delivered":
                look.found.append(Watched(one.sequence, one.name, state))
        for one in back:
            del again[one.sequence, one.name]
        gone = list(again.values())
        places = [one.stream_sequence for one in gone]
        held = await kept(connection, self.name, self.stream, sequences=places)
        # What was missing when its stream let it go can never be found.
        look.found += [m for m in gone if m.state == "missing" or m.stream_sequence in held]

    async def _question(
        self, connection: AsyncConnection, look: Look, *, reach: Reach, known: Mapping[int, Seen]
    ) -> None:
        """Is there a message behind each row of the inbox."""
        claims = await claimed(connection, self.name, since=look.since, settled=self.settled)
        if claims:
            look.since = claims[-1].received_at
        unfounded = [one for one in look.again if one.state == "unfounded"]
        claims += await still_claimed(connection, self.name, unfounded)
        unread = {one.stream_sequence for one in claims} - known.keys()
        known = {**known, **await self._all_of(unread, reach)}
        look.found += [
            Watched(one.stream_sequence, one.id, "unfounded", one.source)
            for one in claims
            if not _is_founded(one, reach, known)
        ]


def _is_founded(claim: Claim, reach: Reach, known: Mapping[int, Seen]) -> bool:
    """Of a message that its stream has let go nothing can be said."""
    message = known.get(claim.stream_sequence)
    if message is None:
        return 0 < claim.stream_sequence <= reach.last
    return (message.name, message.digest) == (claim.id, claim.digest)


def _unacked(info: ConsumerInfo) -> int:
    return (info.num_pending or 0) + (info.num_ack_pending or 0)
