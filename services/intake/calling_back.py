"""The clock of follow-ups: whoever has to ask how a person is, is told when the day comes."""

import asyncio
import logging
from dataclasses import dataclass

from chassis.assembly import Parts
from chassis.database import is_outage
from chassis.telemetry.logs import fault
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.following_up import BATCH, tell_due

LOOK_SECONDS = 5.0
log = logging.getLogger("siraba.intake")


@dataclass(frozen=True, slots=True)
class CallerBack:
    """Any of intake's processes tells what no other is telling; what is due waits in the database."""

    parts: Parts
    discloser: Discloser

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            told = 0
            try:
                async with self.parts.work.begin() as connection:
                    told = await tell_due(connection, by=self.discloser)
            except Exception as error:  # noqa: BLE001 - what is due is told later
                if not is_outage(error):
                    log.warning("followups.wait", extra=fault(error))
            if told:
                await self.parts.wake_relay()
            if told != BATCH:
                await asyncio.sleep(LOOK_SECONDS)
