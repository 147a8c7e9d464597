"""One active relay per service; the others wait for its database session to end."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import nats.errors
from nats.js.errors import Error as JetStreamError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.broker import Wire
from chassis.database import by_itself, is_outage
from chassis.relay import rows as outbox
from chassis.relay.rows import Row
from chassis.relay.send import send
from chassis.relay.stamp import Stamper
from chassis.relay.upkeep import Upkeep
from chassis.relay.withdrawal import ROOM as ERASED_AT_ONCE
from chassis.relay.withdrawal import cancel, erase, withdrawn
from chassis.telemetry import Hop, Tracing
from chassis.telemetry.logs import fault
from chassis.telemetry.spans import UNSAMPLED
from contracts.topology import poke_subject

# Most of what a round costs, its batches above all, it costs once.
ROOM = 2000
POLL_SECONDS = 1.0
# In a rush the next round carries more rows for the same price; a quiet row waits for nobody, nor
# does what follows a single burst.
LINGER_SECONDS = 0.004
MANY = 10
RUSH_SECONDS = 0.03

#: The positions of those rows whose ground does not hold any more.
CheckGrounds = Callable[[AsyncConnection, Sequence[Row]], Awaitable[Collection[int]]]

_LEAD = text("select pg_try_advisory_lock(hashtext('siraba.relay.' || :service))")
log = logging.getLogger("siraba.relay")


async def nothing_fell(_: AsyncConnection, __: Sequence[Row]) -> Collection[int]:
    """For a service whose messages rest on no ground."""
    return ()


@dataclass(slots=True, kw_only=True)
class Relay:
    """Runs until cancelled; every failure is tried again from what the table says.

    fallen: asked once more before a row gets its number; what it names is never sent.
    room: rows a round, of each stream where some are left over.
    """

    service: str
    engine: AsyncEngine
    wire: Wire
    stamper: Stamper
    tracing: Tracing
    fallen: CheckGrounds = nothing_fell
    room: int = ROOM
    leading: bool = False
    # Until a round says otherwise, an earlier leader or a failed send may have left leased rows.
    _left_over: bool = True
    _poked: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Lead when nobody else does; come back after any outage."""
        await self.wire.on_poke(poke_subject(self.service), self.wake)
        while True:
            try:
                async with self.engine.connect() as connection:
                    try:
                        await self._lead(connection)
                    finally:
                        # Back in the pool it would keep the lock, and nobody could lead.
                        await connection.invalidate()
            except Exception as error:
                if not (is_outage(error) or isinstance(error, nats.errors.Error | JetStreamError)):
                    log.exception("relay.failed")
                log.warning("relay.waits", extra=fault(error))
            finally:
                self.leading = False
            await asyncio.sleep(POLL_SECONDS)

    async def _lead(self, connection: AsyncConnection) -> None:
        """The lock belongs to this connection, and so does every lease and mark."""
        while not await self._is_leader(connection):
            await asyncio.sleep(POLL_SECONDS)
        self.leading, self._left_over = True, True
        upkeep = Upkeep(self.service)
        carried = 0
        while True:
            self._poked.clear()
            before, carried = carried, await self.carry(connection)
            if carried:
                await asyncio.sleep(LINGER_SECONDS if min(before, carried) < MANY else RUSH_SECONDS)
            # Whatever was committed since this round began has poked; what was not poked for, or
            # whose poke was lost, waits a second.
            if carried < self.room and not self._left_over:
                await self._rest()
            if await upkeep.when_due(connection, self.wire.jetstream):
                self._left_over = True

    async def _is_leader(self, connection: AsyncConnection) -> bool:
        async with connection.begin():
            return bool(await connection.scalar(_LEAD, {"service": self.service}))

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._poked.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        """Something new is committed; of no use where another process leads."""
        self._poked.set()

    async def carry(self, connection: AsyncConnection) -> int:
        """One round: what a crash left, then the head of the queue. How many rows it had."""
        async with connection.begin():
            batch = await outbox.leased(connection, self.room) if self._left_over else []
            # More may be left of these: whatever is new of the same stream comes after all of it.
            full = [s for s, n in Counter(row.stream for row in batch).items() if n == self.room]
            # Else new rows go along, or those that NATS refuses for good would hold back all others.
            head = await outbox.waiting(connection, self.room, held_back=full)
            gone = await withdrawn(connection) if head.may_be_withdrawn else []
            # Withdrawn since it was read above, a row is only taken out.
            out = {row.position for row in gone}
            batch = [row for row in batch if row.position not in out]
            fresh = await self._good(connection, head.rows)
            if fresh:
                batch += await self.stamper.stamp(connection, fresh, chains=head.chains)
        erased = await erase(connection, self.wire.jetstream, gone) if gone else 0
        if erased == ERASED_AT_ONCE:
            self.wake()
        if not batch:
            self._left_over = False
            return erased
        self._left_over = True
        self._left_over = not await self._send(connection, batch) or bool(full)
        return len(batch)

    async def _good(self, connection: AsyncConnection, rows: list[Row]) -> list[Row]:
        """The rows that may still be told; the others are cancelled before they use a number."""
        told = [row for row in rows if row.ground is not None]
        fallen = frozenset(await self.fallen(connection, told) if told else ())
        if fallen:
            await cancel(connection, list(fallen))
        return [row for row in rows if row.position not in fallen]

    async def _send(self, connection: AsyncConnection, batch: Sequence[Row]) -> bool:
        """By stream, since one failing stream must not hold back the order of another.

        True when every row was acknowledged and marked.
        """
        by_stream = sorted(batch, key=lambda row: row.stream)
        done: list[tuple[Row, int]] = []
        for _, group in groupby(by_stream, key=lambda row: row.stream):
            done += await send(self.wire.jetstream, list(group), service=self.service)
        if done:
            async with by_itself(connection):
                await outbox.mark_sent(connection, done)
            self._trace(done)
        if len(done) < len(batch):
            await asyncio.sleep(POLL_SECONDS)
        return len(done) == len(batch)

    def _trace(self, sent: Sequence[tuple[Row, int]]) -> None:
        """A producer span from the row's writing to its PubAck, so that waiting shows too."""
        ended = _nanoseconds(datetime.now().astimezone())
        for row, _ in sent:
            if row.hop is None or row.hop.endswith(UNSAMPLED):
                continue
            at = Hop.parse(row.hop)
            if at is None:
                continue
            above = Hop.parse(row.trace)
            attributes = {
                "messaging.system": "nats",
                "messaging.operation.type": "send",
                "messaging.operation.name": "publish",
                "messaging.destination.name": row.stream,
                "messaging.message.id": str(row.id),
                "siraba.event_type": f"{row.name}.v{row.version}",
            }
            if row.case_id is not None:
                attributes["siraba.case_id"] = str(row.case_id)
            if row.organisation is not None:
                attributes["siraba.organisation"] = row.organisation
            self.tracing.record(
                f"send {row.name}",
                at=at,
                below=above,
                links=[above] if above is not None and above.trace_id != at.trace_id else [],
                attributes=attributes,
                times=(_nanoseconds(row.created_at), ended),
            )


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
