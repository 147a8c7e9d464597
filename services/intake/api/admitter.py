"""The clock of incidents: whoever waits is registered, a chunk at a time, whatever happens meanwhile."""

import asyncio
import logging
from dataclasses import dataclass, field

from chassis.assembly import Parts
from chassis.database import is_outage
from chassis.telemetry.logs import fault
from services.intake.use_cases.gathering import register_some
from services.intake.use_cases.registering import Keeping

LOOK_SECONDS = 1.0
log = logging.getLogger("siraba.intake")


@dataclass(frozen=True, slots=True)
class Admitter:
    """One of all of intake's processes is at an incident at a time; who waits, waits in the database.

    A chunk and what is written of it are one transaction: a process that dies in between has done
    nothing, and the next one begins where it began.
    """

    parts: Parts
    keeping: Keeping
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Somebody has come in; without this, it is seen within a second."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            while await self._admit():
                pass
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _admit(self) -> bool:
        """Whether there may be more."""
        try:
            async with self.parts.work.begin() as connection:
                chunk = await register_some(connection, mint=self.parts.mint, keeping=self.keeping)
        except Exception as error:  # noqa: BLE001 - who waits is taken later
            if not is_outage(error):
                log.warning("incidents.wait", extra=fault(error))
            return False
        if chunk.failure is not None:
            log.warning("incidents.put_off", extra=fault(chunk.failure) | {"count": chunk.put_off})
        if chunk.taken:
            await self.parts.wake_relay()
        return bool(chunk.taken or chunk.put_off)
