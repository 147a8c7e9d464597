"""Time in: does what is due by the database's clock, in this process or in any other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.database import is_outage
from chassis.telemetry.logs import fault
from services.referral.domain.deadlines import Step
from services.referral.domain.lifecycle import OPEN
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.store import referrals, timers
from services.referral.store.timers import Due
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.expiring import TIME, act_on_time
from services.referral.use_cases.placing import Solver
from services.referral.use_cases.planning import (
    Draft,
    claim_gathered,
    draft_plan,
    keep_first,
    send_overdue,
    solved,
)
from services.referral.use_cases.taking_back import take_back

ROOM = 200
LOOK_SECONDS = 1.0
#: How long answers that came and are not read yet may hold up the timers.
PATIENCE_SECONDS = 300.0
AGAIN = timedelta(minutes=1)

log = logging.getLogger("siraba.referral")


@dataclass(slots=True, kw_only=True)
class Timekeeper:
    """Looks each second; any number of them share the work, and each timer acts once.

    A timer and all that it changes and says are one transaction, but for a plan, which is solved
    before its transaction. is_read: whether every answer
    that came has been read; after an outage of ours nobody is overdue who answered in time.
    """

    engine: AsyncEngine
    announcer: Callable[[AsyncConnection], Awaitable[Announcer]]
    wake_relay: Callable[[], Awaitable[None]]
    is_read: Callable[[], Awaitable[bool]]
    solver: Solver = field(default_factory=HighsSolver)
    _unread_since: float | None = None

    async def run(self) -> None:
        """Until cancelled; what fails is tried again."""
        while True:
            acted = 0
            try:
                acted = await self.once() + await self.pass_on()
            except Exception as error:  # noqa: BLE001 - the table still says what is due
                if not is_outage(error):
                    log.warning("timers.failed", extra=fault(error))
            if acted < ROOM:
                await asyncio.sleep(LOOK_SECONDS)

    async def once(self) -> int:
        """One round; how many timers acted."""
        async with self.engine.connect() as connection:
            if not await timers.is_any_due(connection):
                return 0
        if not await self._may_act():
            return 0
        acted = await self._act_together()
        acted += await self._plan_one()
        await self.wake_relay()
        return acted

    async def _act_together(self) -> int:
        due: list[Due] = []
        try:
            async with self.engine.begin() as connection:
                due = await timers.claim(connection, room=ROOM, but=Step.PLAN)
                await self._act(connection, due)
        except Exception as error:
            if is_outage(error):
                raise
            log.warning("timers.one_by_one", extra=fault(error))
            for one in due:
                await self._alone(one)
        return len(due)

    async def _plan_one(self) -> int:
        """Solve while no transaction is open; what has changed meanwhile is read and solved again."""
        async with self.engine.begin() as connection:
            announcer = await self.announcer(connection)
            draft = await claim_gathered(connection, announcer=announcer)
        if draft is None:
            return 0
        try:
            while not await self._is_planned(draft):
                async with self.engine.begin() as connection:
                    announcer = await self.announcer(connection)
                    draft = await draft_plan(
                        connection, draft.incident_id, draft.wishes, announcer=announcer
                    )
        except Exception as error:
            if is_outage(error):
                raise
            log.error("timers.postponed", extra=fault(error))
        return 1

    async def _is_planned(self, draft: Draft) -> bool:
        plan = await asyncio.to_thread(solved, draft, solver=self.solver)
        async with self.engine.begin() as connection:
            return await keep_first(connection, draft, plan)

    async def pass_on(self) -> int:
        """What was asked of those who are suspended now is taken back, and others are asked; how many.

        However the directory came to say so, and also what was asked in the second in which it did.
        """
        async with self.engine.connect() as connection:
            if not await referrals.of_suspended(connection, states=OPEN, room=1):
                return 0
        async with self.engine.begin() as connection:
            ids = await referrals.of_suspended(connection, states=OPEN, room=ROOM)
            announcer = await self.announcer(connection)
            gone = await take_back(
                connection, dict.fromkeys(ids, TIME), reason="suspended", announcer=announcer
            )
        await self.wake_relay()
        return len(gone)

    async def _act(self, connection: AsyncConnection, due: list[Due]) -> None:
        if not due:
            return
        announcer = await self.announcer(connection)
        plans = [one for one in due if one.step == Step.SEND]
        await send_overdue(connection, plans, announcer=announcer)
        others = [one for one in due if one not in plans]
        if others:
            await act_on_time(connection, others, announcer=announcer)

    async def _alone(self, one: Due) -> None:
        """One that fails holds up no other."""
        try:
            async with self.engine.begin() as connection:
                await self._act(connection, await timers.claim_one(connection, one.matter_id))
        except Exception as error:
            if is_outage(error):
                raise
            log.error("timers.postponed", extra=fault(error))
            async with self.engine.begin() as connection:
                await timers.postpone(connection, one.matter_id, pause=AGAIN)

    async def _may_act(self) -> bool:
        """Not before what came is read; but whoever fills the inbox must not stop the clock."""
        if await self.is_read():
            self._unread_since = None
            return True
        now = monotonic()
        if self._unread_since is None:
            self._unread_since = now
        return now - self._unread_since >= PATIENCE_SECONDS
