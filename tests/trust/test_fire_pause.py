import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from contracts.topology import all_durables
from deploy.drift import consumer_config, consumer_subject
from deploy.jetstream import asked, connected
from deploy.keys import PROVISIONER, seed_file
from deploy.provision import Outcome
from tests.ledger import Figure, Form
from tests.trust.campaign import Campaign, campaign
from tests.trust.faults.clock import shifted
from tests.trust.faults.frozen import Frozen
from tests.trust.placed import PlacedService, add_service
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
SEED = 20261206
ACK_WAIT = timedelta(seconds=2)
VICTIMS = ("referral", "referral-too", "reporting", "intake")
TOGETHER = 2


@pytest.mark.timeout(1200)
async def test_workers_frozen_beyond_the_ack_wait_with_clocks_a_day_off_do_nothing_twice(
    form: Form, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses, random = form.pick(short=4, long=100), Random(SEED)
    async with campaign(seed=SEED, services=("intake", "referral")) as fire:
        platform = fire.road.platform
        yesterday = PlacedService(platform, "reporting", extra=shifted(days=-1))
        await add_service(platform, yesterday)

        async def provision_impatiently() -> Outcome:
            await shorten_ack_waits(fire)
            return Outcome()

        monkeypatch.setattr(platform, "provision", provision_impatiently)
        await provision_impatiently()
        # Two of one service, so that what one holds frozen is given to the other.
        again = PlacedService(platform, "referral", alias="referral-too", extra=shifted(days=1))
        await add_service(platform, again)
        async with fire.under_load():
            for _ in range(0, pauses, TOGETHER):
                await asyncio.sleep(random.uniform(0.2, 0.8))
                victims = random.sample(VICTIMS, TOGETHER)
                with Frozen(*(platform.pids()[name] for name in victims)):
                    await asyncio.sleep(ACK_WAIT.total_seconds() + random.uniform(0.5, 2))
        found = await fire.judged()
        say(platform.supervisor.restarts)

    assert found.count("lost") == found.count("unexpected") == found.count("disordered") == 0, found
    figure("fire.pause.doubled", found.count("doubled"), seed=SEED)


async def shorten_ack_waits(fire: Campaign) -> None:
    """The durables of the platform, declared with less patience than it declares itself."""
    platform = fire.road.platform
    seed = seed_file(platform.state, PROVISIONER)
    async with connected(platform.nats_url, PROVISIONER, seed) as client:
        for durable in all_durables(fire.road.keys):
            impatient = replace(durable, ack_wait=ACK_WAIT)
            body = {"stream_name": durable.stream, "config": consumer_config(impatient)}
            await asked(client, consumer_subject(durable), body)
