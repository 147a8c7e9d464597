"""Between sends: confirms what consumers have taken, forgets those bodies, refills a new broker."""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.relay import rows as outbox
from contracts.topology import OUT, READINGS, Durable, feed_durable

# A wiped broker is noticed within this time; undelivered events are back soon after.
LOOK_SECONDS = 5.0
CONFIRM_SECONDS = 30.0
# Rows written between two sends: after a rush all of them at once would hold up the next for seconds.
ROOM = 1000
RECIPIENTS = 50

log = logging.getLogger("siraba.relay")


@dataclass(slots=True)
class Upkeep:
    """One service's upkeep; runs in the leading relay's own connection."""

    service: str
    _look_at: float = 0.0
    _confirm_at: float = field(default_factory=lambda: monotonic() + CONFIRM_SECONDS)
    # Whose messages are still to be confirmed this time; None stands for all who read our stream.
    _recipients: deque[str | None] = field(default_factory=deque)
    _is_to_forget: bool = False

    @property
    def streams(self) -> tuple[str, ...]:
        """Where this service's messages go."""
        return (self.service.upper(), OUT.name)

    async def when_due(self, connection: AsyncConnection, jetstream: JetStreamContext) -> bool:
        """Do what is due, and nothing most of the time; True when rows wait to be sent again."""
        now = monotonic()
        refilled = False
        if now >= self._confirm_at:
            self._confirm_at = now + CONFIRM_SECONDS
            async with connection.begin():
                self._recipients = deque([None, *await outbox.unconfirmed_recipients(connection)])
                self._is_to_forget = True
                # An operator may have asked for it, who is in another process.
                refilled |= await outbox.has_left_over(connection)
        asked = list(islice(self._recipients, RECIPIENTS))
        floors = [(one, await self._floor_of(jetstream, one)) for one in asked]
        # After the floors: one of a stream made anew must not confirm what lay in the one before.
        if floors or now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            for stream in await self._used(connection):
                refilled |= await self.look(connection, jetstream, stream)
        room = await self._confirm(connection, floors, ROOM)
        if room > 0 and self._is_to_forget and not self._recipients:
            async with connection.begin():
                self._is_to_forget = await outbox.forget_bodies(connection, room) == room
        return refilled

    async def look(
        self, connection: AsyncConnection, jetstream: JetStreamContext, stream: str
    ) -> bool:
        """A stream with another birth date is another stream: what nobody has taken goes again."""
        try:
            born = (await jetstream.stream_info(stream)).created
        except NotFoundError:
            return False
        async with connection.begin():
            if not await outbox.is_reborn(connection, stream, str(born)):
                return False
            again = await outbox.send_again(connection, stream)
        log.warning("relay.refills", extra={"stream": stream, "count": again})
        return again > 0

    async def _confirm(
        self, connection: AsyncConnection, floors: Sequence[tuple[str | None, int]], room: int
    ) -> int:
        """Mark as delivered what all of its readers have acknowledged; how much room is left."""
        for recipient, floor in floors:
            stream = self.streams[0] if recipient is None else OUT.name
            async with connection.begin():
                room -= await outbox.confirm(
                    connection, stream, floor, organisation=recipient, room=room
                )
            if room == 0:
                break
            self._recipients.popleft()
        return room

    async def _floor_of(self, jetstream: JetStreamContext, recipient: str | None) -> int:
        if recipient is not None:
            return await _floor(jetstream, [feed_durable(recipient)])
        readings = (reading for reading in READINGS if reading.stream == self.streams[0])
        return await _floor(jetstream, [reading.durable for reading in readings])

    async def _used(self, connection: AsyncConnection) -> list[str]:
        async with connection.begin():
            return await outbox.streams_used(connection, self.streams)


async def _floor(jetstream: JetStreamContext, durables: Iterable[Durable]) -> int:
    """The highest stream sequence up to which all these durables have acknowledged everything."""
    floors = []
    for durable in durables:
        try:
            info = await jetstream.consumer_info(durable.stream, durable.name)
        except NotFoundError:
            return 0
        # A durable that has nothing left to do may have a floor behind messages of others.
        idle = not info.num_pending and not info.num_ack_pending
        delivered, floor = info.delivered, info.ack_floor
        reached = delivered if idle else floor
        floors.append(reached.stream_seq if reached is not None else 0)
    return min(floors, default=0)
