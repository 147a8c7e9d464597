"""One active relay per service; the others wait for its database session to end."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import nats.errors
from nats.js.errors import Error as JetStreamError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.broker import Wire
from chassis.database import is_outage
from chassis.relay import rows as outbox
from chassis.relay.rows import Row
from chassis.relay.send import send
from chassis.relay.stamp import Stamper
from chassis.relay.upkeep import Upkeep
from chassis.telemetry import Hop, Tracing
from chassis.telemetry.logs import fault
from contracts.topology import poke_subject

ROOM = 500
POLL_SECONDS = 1.0

_LEAD = text("select pg_try_advisory_lock(hashtext('siraba.relay.' || :service))")
log = logging.getLogger("siraba.relay")


@dataclass(slots=True, kw_only=True)
class Relay:
    """Runs until cancelled; every failure is tried again from what the table says."""

    service: str
    engine: AsyncEngine
    wire: Wire
    stamper: Stamper
    tracing: Tracing
    leading: bool = False
    _poked: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Lead when nobody else does; come back after any outage."""
        await self.wire.on_poke(poke_subject(self.service), self._poked.set)
        while True:
            try:
                async with self.engine.connect() as connection:
                    await self._lead(connection)
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
        self.leading = True
        upkeep = Upkeep(self.service)
        while True:
            self._poked.clear()
            if not await self.carry(connection):
                await self._rest()
            await upkeep.when_due(connection, self.wire.jetstream)

    async def _is_leader(self, connection: AsyncConnection) -> bool:
        async with connection.begin():
            return bool(await connection.scalar(_LEAD, {"service": self.service}))

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._poked.wait()
        except TimeoutError:
            return

    async def carry(self, connection: AsyncConnection) -> bool:
        """One round: what a crash left first, else the head of the queue. False: nothing to do."""
        async with connection.begin():
            batch = await outbox.leased(connection, ROOM)
            # New rows go along, or those that NATS refuses for good would hold back all others.
            fresh = await outbox.waiting(connection, ROOM)
            if fresh:
                fresh = await self.stamper.stamp(connection, fresh)
                await outbox.lease(connection, fresh)
            batch += fresh
        if not batch:
            return False
        await self._send(connection, batch)
        return True

    async def _send(self, connection: AsyncConnection, batch: Sequence[Row]) -> None:
        """By stream, since one failing stream must not hold back the order of another."""
        by_stream = sorted(batch, key=lambda row: row.stream)
        failed = False
        for _, group in groupby(by_stream, key=lambda row: row.stream):
            rows = list(group)
            sent = await send(self.wire.jetstream, rows, service=self.service)
            if sent:
                async with connection.begin():
                    await outbox.mark_sent(connection, sent)
                self._trace(sent)
            failed |= len(sent) < len(rows)
        if failed:
            await asyncio.sleep(POLL_SECONDS)

    def _trace(self, sent: Sequence[tuple[Row, int]]) -> None:
        """A producer span from the row's writing to its PubAck, so that waiting shows too."""
        ended = _nanoseconds(datetime.now().astimezone())
        for row, _ in sent:
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
