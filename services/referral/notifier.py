"""Time in, too: sends the notices whose turn it is, and says what became of each."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.database import is_outage
from chassis.notify import Carrier, Letter, NotCarried
from chassis.telemetry.logs import fault
from services.referral.store import notices, roster
from services.referral.store.notices import Claimed
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.notifying import REFUSED, Outcome, settle

ROOM = 20
LOOK_SECONDS = 1.0
#: Longer than any carrier takes; after it a notice is anybody's again.
LEASE = timedelta(minutes=2)

log = logging.getLogger("siraba.referral")


@dataclass(slots=True, kw_only=True)
class Notifier:
    """Sends outside of any transaction. What was sent when a process died goes again, as the same id."""

    engine: AsyncEngine
    carrier: Carrier
    announcer: Callable[[AsyncConnection], Awaitable[Announcer]]
    wake_relay: Callable[[], Awaitable[None]]

    async def run(self) -> None:
        """Until cancelled; what fails is tried again."""
        while True:
            tried = 0
            try:
                tried = await self.once()
            except Exception as error:  # noqa: BLE001 - the table still says what waits
                if not is_outage(error):
                    log.warning("notices.failed", extra=fault(error))
            if tried < ROOM:
                await asyncio.sleep(LOOK_SECONDS)

    async def once(self) -> int:
        """One round; how many notices were tried."""
        async with self.engine.begin() as connection:
            claimed = await notices.claim(connection, room=ROOM, lease=LEASE)
        await asyncio.gather(*(self._try(one) for one in claimed))
        if claimed:
            await self.wake_relay()
        return len(claimed)

    async def _try(self, one: Claimed) -> None:
        outcome = await self._carried(one)
        async with self.engine.begin() as connection:
            await settle(connection, outcome, announcer=await self.announcer(connection))

    async def _carried(self, one: Claimed) -> Outcome:
        notice = one.notice
        async with self.engine.connect() as connection:
            reach = await roster.reach(
                connection, notice.organisation or "", notice.rung, near=one.near
            )
        if not reach.ways:
            return Outcome(notice=notice, ways=0, reason=REFUSED)
        # Each try goes the next way.
        medium, address = reach.ways[(notice.tries - 1) % len(reach.ways)]
        letter = Letter(notice.notice_id, medium, address, reach.language)
        try:
            await self.carrier.carry(letter)
        except NotCarried as failed:
            return Outcome(notice=notice, ways=len(reach.ways), reason=failed.reason)
        return Outcome(notice=notice, ways=len(reach.ways), medium=medium)
