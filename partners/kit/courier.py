"""Carries stored requests to the platform, in order, until each is acknowledged."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from partners.kit.edge import Edge
from partners.kit.errors import NotAdmitted, Unreachable
from partners.kit.ledger import Ledger, Sign
from partners.kit.raw import Line
from partners.kit.watch import LOG

#: As long as the platform keeps what it has not read; it knows what it has read for twice as long.
KEPT = timedelta(days=30)
RETRY_SECONDS = 2.0
# Who only sends hears of no recovery otherwise.
OUTAGE_SECONDS = 15.0


class Courier:
    """The only sender: a later request never overtakes an earlier one."""

    def __init__(self, *, ledger: Ledger, link: Line, edge: Edge, sign: Sign):
        self._ledger = ledger
        self._link = link
        self._edge = edge
        self._sign = sign
        self._turn = asyncio.Lock()

    async def flush(self) -> None:
        """Send all that waits; stops at the first that fails, with its error."""
        async with self._turn:
            await self._mind_loss()
            while waiting := self._ledger.outbox.waiting():
                for request in waiting:
                    await self._link.publish(request.subject, request.body, headers=request.headers)
                    self._ledger.outbox.acknowledged(request.id, self._edge.now())

    async def _mind_loss(self) -> None:
        """A broker that has lost what it held may have lost requests that nobody had read yet."""
        born = await self._link.birth()
        if born is None:
            return
        since = self._edge.now() - KEPT
        if again := self._ledger.mind_loss(
            born, door=self._link.door, since=since, sign=self._sign
        ):
            LOG.warning("the platform has begun anew: %d unanswered requests go out again", again)

    async def run(self) -> None:
        """Try for ever; ends only when cancelled."""
        while True:
            try:
                await self.flush()
            except Unreachable:
                with suppress(TimeoutError):
                    async with asyncio.timeout(OUTAGE_SECONDS):
                        await self._link.watch.up.wait()
            except NotAdmitted:
                # The reading side tells; here the request just stays where it is safe.
                LOG.debug("requests wait: the platform does not take them")
            await asyncio.sleep(RETRY_SECONDS)
