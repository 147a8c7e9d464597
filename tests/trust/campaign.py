"""The road under load while something bad happens to it, and the audit afterwards."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from deploy.settings import PlatformSettings
from tests.journeys.cases import some_cases
from tests.journeys.oracle import Oracle, by_digest
from tests.journeys.road import PARTNERS, SERVICES, Road, answering, running_road
from tests.trust.auditor import Audit
from tests.trust.evidence import Evidence, gather
from tests.trust.load import Log, come_to_rest, under_load
from tests.trust.questions import audit
from tests.trust.refusals import told_of_all
from tests.trust.telling import say

CHOICES = ("complete", "accept", "decline", "receive")
#: Long enough for any campaign; each ends by itself.
CASES = 40_000
WRITERS = 4


@dataclass(slots=True)
class Campaign:
    """A running road, who called it, and what it left behind."""

    road: Road
    oracle: Oracle
    seed: int
    log: Log = field(default_factory=Log)

    @asynccontextmanager
    async def under_load(
        self, *, per_second: float = 8, writers: int = WRITERS
    ) -> AsyncIterator[None]:
        """Callers submit while the block runs; each gets an answer in the end."""
        cases = some_cases(CASES, owners=tuple(self.road.keys), seed=self.seed)
        # Each block of a campaign goes on where the last one stopped.
        cases = cases[len(self.log.attempted) :]
        load = under_load(self.road, cases, writers=writers, per_second=per_second)
        async with load as log:
            yield
        self.log.attempted |= log.attempted
        self.log.acked |= log.acked

    async def evidence(self, *, within: float = 120) -> Evidence:
        """What is there once nothing moves any more. Raises TimeoutError."""
        began = monotonic()
        await come_to_rest(self.road, within=within)
        say(f"{len(self.log.acked)} cases answered; drained in {monotonic() - began:.1f} s")
        if await told_of_all(self.road):
            await come_to_rest(self.road, within=within)
        return await gather(
            self.road, self.oracle, attempted=self.log.attempted, acked=self.log.acked
        )

    async def judged(self, *, within: float = 120) -> Audit:
        """Every question of the audit."""
        found = audit(await self.evidence(within=within))
        say(found)
        return found

    async def seconds_until(self, ready: bool, *, service: str = "", within: float = 60) -> float:
        """How long until one service (or, with "", any) says that it is (not) ready."""
        began = monotonic()
        async with asyncio.timeout(within):
            while not _says(await self.road.readiness(), ready, service):
                await asyncio.sleep(0.1)
        return monotonic() - began


def _says(reports: Mapping[str, Mapping[str, Any]], ready: bool, service: str) -> bool:
    if service:
        return bool(reports[service]["ready"]) is ready
    every = all(report["ready"] for report in reports.values())
    return every is ready


@asynccontextmanager
async def campaign(
    *,
    seed: int,
    services: Sequence[str] = SERVICES,
    folder: Path | None = None,
    choices: Sequence[str] = CHOICES,
) -> AsyncIterator[Campaign]:
    """A platform with four partners whose programs answer."""
    decide = by_digest(PARTNERS, choices)
    async with running_road(services=services, folder=folder) as road, answering(road, decide):
        yield Campaign(road, Oracle(PlatformSettings().directory_file, decide), seed)
