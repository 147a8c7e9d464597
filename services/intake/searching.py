"""The clock of the search for duplicates: every second, whatever has come in is searched for."""

import asyncio
import logging
from dataclasses import dataclass

from chassis.assembly import Parts
from chassis.database import is_outage
from chassis.telemetry.logs import fault
from services.intake.use_cases.finding import BATCH, search_some

LOOK_SECONDS = 1.0
log = logging.getLogger("siraba.intake")


@dataclass(frozen=True, slots=True)
class Searcher:
    """One of all of intake's processes searches at a time; what waits, waits in the database."""

    parts: Parts

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            searched: int | None = None
            try:
                async with self.parts.work.begin() as connection:
                    searched = await search_some(connection, mint=self.parts.mint)
            except Exception as error:  # noqa: BLE001 - what waits is tried again
                if not is_outage(error):
                    log.warning("duplicates.search_failed", extra=fault(error))
            if searched != BATCH:
                await asyncio.sleep(LOOK_SECONDS)
