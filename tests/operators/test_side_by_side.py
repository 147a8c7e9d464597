"""Two processes of each service at once: they share the work, and when one dies the other goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path

import httpx
import pytest

from deploy.embedded.processes import free_port
from deploy.front_server import front_paths, serve_front
from deploy.platform import Platform
from deploy.service_process import Addresses, ServiceProcess
from tests.journeys.cases import some_cases
from tests.journeys.road import SERVICES, Road
from tests.ledger import Figure, Form
from tests.trust.campaign import Campaign, campaign
from tests.trust.load import stand_up
from tests.trust.telling import say

pytestmark = [
    pytest.mark.long,
    pytest.mark.connected,
    pytest.mark.share("operators"),
    pytest.mark.timeout(1200),
]
SEED = 20261216


class Twin(ServiceProcess):
    """A second process; its number is kept elsewhere, or each would end the other as left over."""

    def prepare(self) -> None:
        self._pid_file: Path = self._state.run / f"{self.name}-2.pid"
        super().prepare()


async def twins(platform: Platform) -> dict[str, str]:
    """Start one more of each; their addresses."""
    urls = {}
    for name in SERVICES:
        web, work = platform.database_url(f"{name}_web"), platform.database_url(f"{name}_work")
        to = Addresses(platform.nats_url, web, work)
        twin = Twin(name, port=free_port(), state=platform.state, addresses=to)
        await platform.supervisor.add(twin_of(name), twin)
        urls[name] = twin.url
    return urls


def twin_of(name: str) -> str:
    return f"{name}-2"


@asynccontextmanager
async def other_door(road: Road) -> AsyncIterator[Road]:
    """The same platform, by way of the second processes alone."""
    served = serve_front(front_paths(await twins(road.platform)), host="127.0.0.1", port=0)
    async with served as url, httpx.AsyncClient(base_url=url, timeout=15) as http:
        given = {one.name: getattr(road, one.name) for one in fields(Road)}
        yield Road(**given | {"http": http})


async def by_both_doors(fire: Campaign, other: Road, count: int) -> int:
    """Submit with one key at both at once; how many got two cases."""
    owners = tuple(fire.road.keys)
    cases = [
        replace(one, key=f"both-{one.key}") for one in some_cases(count, owners=owners, seed=SEED)
    ]
    doubled = 0
    for case in cases:
        fire.log.attempted[case.key] = case
        numbers = await asyncio.gather(
            *(door.submit_until_accepted(case) for door in (fire.road, other))
        )
        fire.log.acked[case.key] = numbers[0]
        doubled += len(set(numbers)) - 1
    return doubled


async def test_two_processes_of_each_service_do_everything_once_though_each_dies_in_turn(
    form: Form, figure: Figure
) -> None:
    rounds = form.pick(short=1, long=2)
    async with campaign(seed=SEED) as fire, other_door(fire.road) as other:
        async with fire.under_load():
            doubled = await by_both_doors(fire, other, 20)
            for _ in range(rounds):
                for name in SERVICES:
                    for one in (name, twin_of(name)):
                        fire.road.platform.kill(one)
                        # The other has work of both meanwhile, and then the one that came back.
                        await asyncio.sleep(3)
                        await stand_up(fire.road, within=120)
            doubled += await by_both_doors(fire, other, 20)
        found = await fire.judged()
    say(f"{len(fire.log.acked)} answered")
    assert doubled == found.count("unexpected") == found.count("doubled") == 0, found
    figure("operators.side_by_side.lost", found.count("lost"), seed=SEED)
