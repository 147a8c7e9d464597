"""Full disks and failing syncs: nothing is acknowledged that was not kept, and health says so."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from random import Random
from time import monotonic

import httpx
import pytest

from tests.journeys.cases import some_cases
from tests.ledger import Figure, Form
from tests.servers import open_folder
from tests.trust.campaign import Campaign, campaign
from tests.trust.faults import Fault
from tests.trust.faults.failing_syncs import FailingSyncs
from tests.trust.faults.frozen import with_children
from tests.trust.faults.small_disk import Full, SmallDisk
from tests.trust.load import come_to_rest
from tests.trust.telling import say

# Long form only until its short form has been seen to hold on a busy machine too.
pytestmark = [pytest.mark.connected, pytest.mark.share("fire"), pytest.mark.long]
SEED = 20261203
RED_SECONDS = 10
DRAIN_SECONDS = 60
MEBIBYTES = {"nats/store": 512, "postgres": 768}


@pytest.mark.timeout(1500)
async def test_a_disk_that_keeps_nothing_is_never_mistaken_for_one_that_did(
    form: Form, figure: Figure
) -> None:
    rounds = form.pick(short=4, long=30)
    random, longest = Random(SEED), form.pick(short=2, long=3)
    with open_folder() as folder, ExitStack() as disks:
        for name, size in MEBIBYTES.items():
            disks.enter_context(SmallDisk(folder / name, size))
        async with campaign(seed=SEED, folder=folder) as fire:
            faults = faults_of(fire)
            for nth in range(rounds):
                name = list(faults)[nth % len(faults)]
                await one_round(fire, name, faults[name](), lasting=random.uniform(1, longest))
            found = await fire.judged()

    assert found.count("doubled") == found.count("unexpected") == 0, found
    figure("fire.diskfull.false_acks", found.count("lost"), seed=SEED)


def faults_of(fire: Campaign) -> dict[str, Callable[[], Fault]]:
    platform = fire.road.platform

    def syncs(name: str) -> FailingSyncs:
        return FailingSyncs(with_children(platform.pids()[name]))

    return {
        "fsync of postgres": lambda: syncs("postgres"),
        "full under nats": lambda: Full(platform.state.nats / "store"),
        "full under postgres": lambda: Full(platform.state.postgres),
        "fsync of nats": lambda: syncs("nats"),
    }


async def one_round(fire: Campaign, name: str, fault: Fault, *, lasting: float) -> None:
    """Red in time while it lasts, answers that say so, and all drained soon after the repair."""
    async with fire.under_load():
        await asyncio.sleep(1)
        with fault:
            red = await fire.seconds_until(ready=False, within=RED_SECONDS)
            answers = await asked_meanwhile(fire, seconds=lasting)
        repaired = monotonic()
    await come_to_rest(fire.road, within=DRAIN_SECONDS)
    drained = monotonic() - repaired
    say(
        f"{name}: red after {red:.1f} s, then {dict(answers)}; drained {drained:.1f} s after repair"
    )
    assert drained <= DRAIN_SECONDS + 5


async def asked_meanwhile(fire: Campaign, *, seconds: float) -> Counter[int]:
    """What a caller with a new case is told while it lasts: taken, or a problem that it was not."""
    told: Counter[int] = Counter()
    (model,) = some_cases(1, owners=tuple(fire.road.keys), seed=SEED)
    end = monotonic() + seconds
    while monotonic() < end:
        case = replace(model, key=f"meanwhile-{len(fire.log.attempted):08d}")
        fire.log.attempted[case.key] = case
        with suppress(httpx.TransportError):
            answer = await fire.road.submit(case)
            told[answer.status_code] += 1
            if answer.status_code == httpx.codes.ACCEPTED:
                fire.log.acked[case.key] = answer.json()["case_number"]
            else:
                assert answer.headers["content-type"] == "application/problem+json"
        await asyncio.sleep(0.2)
    return told
