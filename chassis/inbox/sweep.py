"""Once a second: the bad ones, what was put aside or decided, and what a flooding partner is told."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from chassis.database import is_outage
from chassis.inbox import dead_letters, refusals, rejections, tables, waiting
from chassis.inbox.consumer import Consumer
from chassis.inbox.dead_letters import DeadLetter
from chassis.inbox.received import Raw, Received
from chassis.inbox.settling import Waiting
from chassis.telemetry.logs import fault
from contracts.envelope import Rejected

SECONDS = 1.0
BURY_SECONDS = 0.1
ROOM = 200
#: Of what one organisation has waiting, so that a flood of one is not in front of another's few.
SHARE = 50
FORGET_EVERY = 600

log = logging.getLogger("siraba.inbox")


@dataclass(frozen=True, slots=True)
class Sweep:
    """The second road into a consumer; both end in the same transaction."""

    consumer: Consumer

    async def run(self) -> None:
        """Until cancelled; an outage only delays."""
        rounds = 0
        while True:
            await asyncio.sleep(SECONDS)
            try:
                await self.once()
                if rounds % FORGET_EVERY == 0:
                    async with self.consumer.parts.work.begin() as connection:
                        await tables.forget_ids(connection, self.consumer.name)
                rounds += 1
            except Exception as error:  # noqa: BLE001 - the tables still say what to do
                if not is_outage(error):
                    log.warning("inbox.sweep_failed", extra=fault(error))

    async def bury(self) -> None:
        """Until cancelled: few at a time, since a burst would make the good ones wait for it."""
        while True:
            await asyncio.sleep(BURY_SECONDS)
            try:
                await self.consumer.bury_gathered()
            except Exception as error:  # noqa: BLE001 - what was not buried comes again
                if not is_outage(error):
                    log.warning("inbox.burial_failed", extra=fault(error))

    async def once(self) -> None:
        """One round."""
        engine, name = self.consumer.parts.work, self.consumer.name
        async with engine.begin() as connection:
            if self.consumer.tell is not None:
                await rejections.sum_up(connection, by=self.consumer.tell)
            if self.consumer.tell_more is not None:
                await refusals.sum_up(connection, by=self.consumer.tell_more)
            if not await waiting.has_anything(connection, name):
                return
            due = await waiting.due(connection, name, room=ROOM, share=SHARE)
            decided = await dead_letters.decided(connection, name)
        await self._again(due)
        for letter in decided:
            await self._carry_out(letter)
        async with engine.begin() as connection:
            ready = await tables.ready(connection, name, ROOM)
        for stream, sequence in ready:
            await self._run_on(stream, sequence)

    async def _again(self, due: Sequence[tuple[str, int]]) -> None:
        """What waited its turn; it has had its turn now, so shares do not count again."""
        found = [(place, Waiting(), await self._stored(*place)) for place in due]
        await self.consumer.take_again([(one, raw) for _, one, raw in found if raw is not None])
        await self.consumer.bury_gathered()
        ended = [place for place, one, raw in found if raw is None or one.is_acked]
        if ended:
            async with self.consumer.parts.work.begin() as connection:
                await waiting.done(connection, self.consumer.name, ended)

    async def _run_on(self, stream: str, sequence: int) -> None:
        """A parked message whose turn has come, with all behind it; by itself if one of them fails."""
        received = await self._read(stream, sequence)
        if received is None:
            return
        try:
            await self.consumer.act([received])
        except Exception as error:
            if is_outage(error):
                raise
            await self.consumer.try_once(received)

    async def _carry_out(self, letter: DeadLetter) -> None:
        if letter.state == "retry":
            received = await self._read(letter.stream, letter.stream_sequence, again=True)
            if (
                received is None
                or received.raw.digest != letter.digest
                or await self.consumer.try_once(received) is not False
            ):
                await self._reopen(letter)
                return
        elif letter.holds_up and not await self.consumer.release(*letter.holds_up):
            return
        async with self.consumer.parts.work.begin() as connection:
            await dead_letters.settle(connection, letter.id)

    async def _reopen(self, letter: DeadLetter) -> None:
        async with self.consumer.parts.work.begin() as connection:
            await dead_letters.reopen(connection, letter.id)

    async def _read(self, stream: str, sequence: int, *, again: bool = False) -> Received | None:
        """The original, or None when it is gone or still cannot be read."""
        raw = await self._stored(stream, sequence)
        with suppress(Rejected):
            return None if raw is None else self.consumer.read(raw._replace(again=again))
        return None

    async def _stored(self, stream: str, sequence: int) -> Raw | None:
        stored = await self.consumer.parts.wire.read_again(stream, sequence)
        return None if stored is None else Raw.stored(stream, stored)
