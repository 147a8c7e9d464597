"""Looks at every border of one service each minute, and says aloud what is not accounted for."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.broker import Wire
from chassis.conservation.sent import SentBorder
from chassis.conservation.standing import (
    Border,
    Standing,
    Superseded,
    is_fresh,
    standing,
    watched,
    write,
)
from chassis.conservation.taken import Reader, TakenBorder
from chassis.database import is_outage
from chassis.telemetry.logs import fault
from chassis.telemetry.metrics import Metrics

LOOK_SECONDS: Final = 60.0
# Longer than a relay needs to notice a new stream, and any commit of a mark.
SETTLED_SECONDS: Final = 30.0
#: Ids in one line of the log; the table has all of them.
NAMED: Final = 50
STATES: Final = (
    "accepted", "delivered", "pending", "parked", "dead", "missing", "unfounded",
)  # fmt: skip

#: With old statistics the planner would read all that came since, and sort it, for each slice of it.
IN_ORDER: Final = text("set local enable_bitmapscan = off")
_WRITTEN = text("select name from streams order by name")
log = logging.getLogger("siraba.conservation")


@dataclass(frozen=True, slots=True, kw_only=True)
class LawKeeper:
    """One service's auditor; of several processes, the one that looks first does the work.

    seconds: from one look to the next. settled: how old what is judged by its time must be.
    """

    engine: AsyncEngine
    wire: Wire
    readers: Sequence[Reader]
    metrics: Metrics
    seconds: float = LOOK_SECONDS
    settled: float = SETTLED_SECONDS

    async def run(self) -> None:
        """Until cancelled; what cannot be looked at now is looked at later."""
        gauge = self.metrics.meter.create_gauge(
            "siraba.conservation.messages",
            unit="{message}",
            description="Messages of one border by what became of them, at the last look.",
        )
        while True:
            for found in await self.once():
                for state in STATES:
                    labels = {"state": state, "consumer": found.consumer}
                    gauge.set(getattr(found, state), labels)
            await asyncio.sleep(self.seconds)

    async def once(self) -> list[Standing]:
        """One look at each border; how those stand of which something is known."""
        try:
            borders = await self._borders()
        except Exception as error:  # noqa: BLE001 - an auditor outlives what it audits
            _unknown(error, "all")
            return []
        found = []
        for border in borders:
            try:
                stands = await self._look(border)
            except Exception as error:  # noqa: BLE001 - an auditor outlives what it audits
                _unknown(error, border.name)
                continue
            if stands is not None:
                found.append(stands)
        return found

    async def _borders(self) -> list[Border]:
        async with self.engine.begin() as connection:
            streams = [row.name for row in await connection.execute(_WRITTEN)]
        wire, settled = self.wire, self.settled
        return [
            *(SentBorder(stream=stream, wire=wire, settled=settled) for stream in streams),
            *(TakenBorder(reader=reader, wire=wire, settled=settled) for reader in self.readers),
        ]

    async def _look(self, border: Border) -> Standing | None:
        try:
            async with self.engine.begin() as connection:
                return await self._judge(connection, border)
        except Superseded:
            async with self.engine.begin() as connection:
                return await standing(connection, border.name)

    async def _judge(self, connection: AsyncConnection, border: Border) -> Standing | None:
        was = await standing(connection, border.name)
        if was is not None and await is_fresh(connection, was, seconds=self.seconds / 2):
            return was
        await connection.execute(IN_ORDER)
        look = await border.look(connection, was, await watched(connection, border.name))
        if look is None:
            return was
        now, confirmed = await write(connection, border, look, was=was)
        for reason in sorted({state for state, _ in confirmed}):
            ids = sorted(name for state, name in confirmed if state == reason)
            log.error(
                "conservation_broken",
                extra={
                    "consumer": border.name,
                    "reason": reason,
                    "count": len(ids),
                    "ids": ids[:NAMED],
                },
            )
        return now


def _unknown(error: Exception, consumer: str) -> None:
    expected = is_outage(error) or isinstance(error, nats.errors.Error | JetStreamError)
    level = logging.INFO if expected else logging.WARNING
    log.log(level, "conservation.unknown", extra={"consumer": consumer, **fault(error)})
