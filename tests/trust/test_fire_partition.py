import asyncio
import math
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import httpx
import pytest
from sqlalchemy.engine import make_url

from deploy.platform import Platform
from deploy.settings import PlatformSettings
from tests.journeys.oracle import Oracle, by_digest
from tests.journeys.road import PARTNERS, SERVICES, answering, known, running_road
from tests.ledger import Figure, Form
from tests.trust.campaign import CHOICES, Campaign
from tests.trust.faults.networks import Link, Partition, networks
from tests.trust.placed import PlacedService, add_service
from tests.trust.telling import say

# Long form only until its short form has been seen to hold on a busy machine too.
pytestmark = [pytest.mark.connected, pytest.mark.share("fire"), pytest.mark.long]
SEED = 20261207
WAYS = ("both", "out", "in")
ENGINES = ("nats", "postgres")


@pytest.mark.timeout(1500)
async def test_a_network_that_splits_loses_and_doubles_nothing(form: Form, figure: Figure) -> None:
    splits, random = form.pick(short=3, long=50), Random(SEED)
    longest = form.pick(short=4.0, long=60.0)
    with networks(SERVICES) as links:
        async with spread_out(links) as fire:
            ports = {
                "nats": make_url(fire.road.platform.nats_url).port or 0,
                "postgres": make_url(fire.road.platform.database_url("intake_work")).port or 0,
            }

            async def split(service: str, count: int) -> None:
                for _ in range(count):
                    await asyncio.sleep(random.uniform(0.5, 2))
                    engine, ways = random.choice(ENGINES), random.choice(WAYS)
                    seconds = math.exp(random.uniform(0, math.log(longest)))
                    say(f"{service} and {engine} apart ({ways}) for {seconds:.1f} s")
                    with Partition(links[service], ports[engine], ways=ways):
                        await asyncio.sleep(seconds)

            async with fire.under_load():
                # Each service loses its engines by itself: what comes together is up to chance.
                await asyncio.gather(*(split(one, -(-splits // len(links))) for one in links))
            found = await fire.judged()

    assert found.count("doubled") == found.count("unexpected") == found.count("disordered") == 0, (
        found
    )
    figure("fire.partition.lost", found.count("lost"), seed=SEED)


@asynccontextmanager
async def spread_out(links: Mapping[str, Link]) -> AsyncIterator[Campaign]:
    """Engines and partners in the hub, each service in a network of its own."""
    decide = by_digest(PARTNERS, CHOICES)
    async with AsyncExitStack() as stack:
        road = await stack.enter_async_context(running_road(services=()))
        let_in(road.platform)
        for service, link in links.items():
            await add_service(road.platform, PlacedService(road.platform, service, link=link))
        url = road.platform.service_urls["intake"]
        road.http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=15))
        await known(road)
        await stack.enter_async_context(answering(road, decide))
        yield Campaign(road, Oracle(PlatformSettings().directory_file, decide), SEED)


def let_in(platform: Platform) -> None:
    """PostgreSQL admits its own machine only; here its clients have machines of their own."""
    data = platform.state.postgres / "data"
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.231.0.0/16 scram-sha-256\n")
    os.kill(platform.pids()["postgres"], signal.SIGHUP)
