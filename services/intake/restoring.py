"""NATS and a file in: after a restore, every erasure that they tell of is carried out again."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import nats.errors
from nats.js.errors import Error, NotFoundError

from chassis.assembly import Parts
from chassis.database import is_outage
from chassis.inbox import Raw
from chassis.telemetry.logs import fault
from contracts.envelope import Rejected
from contracts.intake import CaseErased
from contracts.reading import read_event
from contracts.topology import service_stream
from services.intake.store import suspects
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.erasing import carry_out

INTAKE = service_stream("intake").name
PATTERN = f"siraba.intake.{CaseErased.name}.v{CaseErased.version}.*"
AGAIN_SECONDS = 5.0
log = logging.getLogger("siraba.intake")


@dataclass(frozen=True, slots=True)
class Restorer:
    """A database from before an erasure has the person again; the stream remembers better.

    Whoever restores it starts the service anew, so it is enough to look once. noted: what a restore
    laid there, of erasures since the backup; it says more than a stream that is as old as that.
    """

    parts: Parts
    discloser: Discloser
    noted: Path

    async def run(self) -> None:
        """Until it got through once."""
        while True:
            try:
                await self.erase_again()
            except Exception as error:
                if not (is_outage(error) or isinstance(error, Error | nats.errors.Error)):
                    raise
                log.warning("erasures.wait", extra=fault(error))
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def erase_again(self) -> int:
        """Carry out what the database does not know; how many persons that were."""
        await self.parts.trust.refresh()
        done = await self._erase_noted()
        async for raw in self._told():
            try:
                self.parts.trust.check(raw)
                envelope, *_ = read_event(raw.subject, raw.headers, raw.body)
            except Rejected as rejected:
                log.error("erasures.not_ours", extra={"reason": rejected.reason})
                continue
            async with self.parts.work.begin() as connection:
                done += await carry_out(
                    connection,
                    UUID(envelope.subject),
                    at=raw.recorded_at,
                    by=self.discloser,
                    trace=None,
                )
        if done:
            log.warning("erasures.repeated", extra={"count": done})
            await self.parts.wake_relay()
        return done

    async def _erase_noted(self) -> int:
        done = 0
        for key_of, at in _read(self.noted):
            async with self.parts.work.begin() as connection:
                await suspects.mark_erased(connection, key_of, at=at)
                done += await carry_out(connection, key_of, at=at, by=self.discloser, trace=None)
        return done

    async def _told(self) -> AsyncIterator[Raw]:
        """Every erasure in the stream, oldest first."""
        jetstream, place = self.parts.wire.jetstream, 1
        while True:
            try:
                stored = await jetstream.get_msg(INTAKE, seq=place, subject=PATTERN, next=True)
            except NotFoundError:
                return
            raw = Raw.stored(INTAKE, stored)
            yield raw
            place = raw.sequence + 1


def _read(file: Path) -> Iterator[tuple[UUID, datetime]]:
    """Lines of JSON, `case_id` (of a suspect its `vault_id`) and `at`; a torn one never counted."""
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        with suppress(ValueError, KeyError):
            said = json.loads(line)
            yield UUID(said["case_id"]), datetime.fromisoformat(said["at"])
