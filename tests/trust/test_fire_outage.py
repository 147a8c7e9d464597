"""The broker or PostgreSQL stays away, a consumer is deleted: all heals by itself."""

import asyncio

import pytest

from tests.ledger import Figure, Form
from tests.trust.campaign import campaign
from tests.trust.faults.outage import outage
from tests.trust.faults.wiped import delete_consumer
from tests.trust.telling import say

# Long form only until its short form has been seen to hold on a busy machine too.
pytestmark = [pytest.mark.connected, pytest.mark.share("fire"), pytest.mark.long]
SEED = 20261208


@pytest.mark.timeout(900)
async def test_outages_and_a_deleted_consumer_heal_by_themselves_and_readiness_tells(
    form: Form, figure: Figure
) -> None:
    seconds = {"nats": form.pick(short=3, long=60), "postgres": form.pick(short=2, long=30)}
    async with campaign(seed=SEED) as fire:
        for name, lasting in seconds.items():
            async with fire.under_load(), outage(fire.road.platform, name):
                red = await fire.seconds_until(ready=False)
                await asyncio.sleep(lasting)
            green = await fire.seconds_until(ready=True)
            say(f"{name}: red after {red:.1f} s; green {green:.1f} s after {lasting} s away")
        async with fire.under_load():
            await delete_consumer(fire.road.platform, "INTAKE", "referral-INTAKE")
            red = await fire.seconds_until(ready=False, service="referral")
            green = await fire.seconds_until(ready=True, service="referral")
            say(f"consumer deleted: red after {red:.1f} s, green again after {green:.1f} s")
        found = await fire.judged()
        ends = fire.road.platform.supervisor.restarts

    say(ends)
    assert found.count("doubled") == found.count("unexpected") == found.count("disordered") == 0, (
        found
    )
    lost = found.count("lost")
    figure("fire.outage.lost", lost, unit="events", bound="0", holds=lost == 0, seed=SEED)
