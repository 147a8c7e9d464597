"""Every service starts anew, one after the other, while callers submit and partners answer."""

import asyncio
import os
import signal
from collections import Counter
from dataclasses import dataclass, field, fields
from time import monotonic

import httpx
import pytest

from tests.journeys.cases import Case
from tests.journeys.road import SERVICES, Road
from tests.ledger import Figure, Form
from tests.trust.campaign import Campaign, campaign
from tests.trust.load import stand_up
from tests.trust.telling import say

pytestmark = [pytest.mark.share("operators"), pytest.mark.connected, pytest.mark.timeout(1200)]
SEED = 20261214
#: As docs/deploy.md tells whoever calls: the same key again after these seconds.
PAUSES = (0.5, 1, 2, 4, 8, 15, 30)


@dataclass(slots=True)
class PatientRoad(Road):
    """Submits as docs/deploy.md says; counts what callers met, and who was left with it at the end."""

    met: Counter[str] = field(default_factory=Counter)
    left: int = 0

    async def submit_until_accepted(self, case: Case) -> str:
        """The case number; whoever has no answer after the last try is counted, and tries on."""
        pauses = iter(PAUSES)
        while True:
            try:
                answer = await self.submit(case)
            except httpx.TransportError as error:
                self.met[type(error).__name__] += 1
            else:
                if answer.status_code == httpx.codes.ACCEPTED:
                    return str(answer.json()["case_number"])
                assert answer.is_server_error, answer.text
                self.met[str(answer.status_code)] += 1
            pause = next(pauses, None)
            self.left += pause is None
            await asyncio.sleep(pause or 1)


async def start_anew(fire: Campaign, name: str) -> None:
    """Ask it to end, as an upgrade does, and go on when the one in its place is ready."""
    platform = fire.road.platform
    before = platform.pids()[name]
    os.kill(before, signal.SIGTERM)
    async with asyncio.timeout(60):
        while platform.pids().get(name, before) == before:
            await asyncio.sleep(0.05)
    await stand_up(fire.road, within=120)


async def test_services_that_start_anew_one_by_one_lose_nothing_and_refuse_nobody_for_long(
    form: Form, figure: Figure
) -> None:
    rounds = form.pick(short=1, long=34)
    async with campaign(seed=SEED) as fire:
        given = {one.name: getattr(fire.road, one.name) for one in fields(Road)}
        fire.road = road = PatientRoad(**given)
        began = monotonic()
        async with fire.under_load():
            for _ in range(rounds):
                for name in SERVICES:
                    await start_anew(fire, name)
                    await asyncio.sleep(1)
        seconds = monotonic() - began
        found = await fire.judged()

    restarts = rounds * len(SERVICES)
    say(f"{restarts} restarts in {seconds:.0f} s; {len(fire.log.acked)} answered; {dict(road.met)}")
    assert found.count("unexpected") == found.count("doubled") == 0, found
    figure("operators.rolling.lost", found.count("lost"), seed=SEED)
    # The control: what a caller meets who does not try again.
    figure("operators.rolling.5xx", road.left, seed=SEED, control=road.met.total())
    assert road.met.total() > 0, "nobody met a service that was away"
