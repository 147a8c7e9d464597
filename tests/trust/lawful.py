"""The auditors of a running platform's services, looking from here as often as a test wants."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from chassis.broker import open_wire
from chassis.conservation import LawKeeper, Standing
from chassis.database import BY_INDEX, open_engine
from chassis.inbox.seen import Deliveries
from chassis.line import Server
from chassis.telemetry.metrics import start_metrics
from contracts.topology import readings_of
from deploy.keys import seed_file
from deploy.migrate import role_url
from tests.journeys.road import SERVICES, Road


class Reader(NamedTuple):
    """A durable of ours, as the law must know it; nothing comes to us, so all is read."""

    name: str
    stream: str
    ordered: bool
    deliveries: Deliveries = Deliveries()


@dataclass(slots=True)
class Alarms(logging.Handler):
    """Collects what the auditors cry."""

    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        logging.Handler.__init__(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "conservation_broken":
            self.heard.append(f"{record.consumer} {record.reason} {record.ids}")  # type: ignore[attr-defined]  # what `extra` gave

    __hash__ = logging.Handler.__hash__


@dataclass(slots=True)
class Law:
    """Every service's auditor, and how often they have looked."""

    keepers: list[LawKeeper]
    looks: int = 0
    is_over: bool = False

    async def look(self) -> dict[str, Standing]:
        """One look at each border of each service."""
        found = [one for keeper in self.keepers for one in await keeper.once()]
        self.looks += bool(found)
        return {one.consumer: one for one in found}

    async def watch(self, *, every: float) -> None:
        """Until it is over: a cancellation could be lost in the client while NATS is away."""
        while not self.is_over:
            await self.look()
            await asyncio.sleep(every)


@asynccontextmanager
async def lawful(road: Road, *, settled: float) -> AsyncIterator[Law]:
    """Auditors with the rights of the services themselves, beside those in their processes."""
    async with AsyncExitStack() as stack:
        yield Law([await _keeper(stack, road, service, settled=settled) for service in SERVICES])


async def _keeper(stack: AsyncExitStack, road: Road, service: str, *, settled: float) -> LawKeeper:
    database = road.platform.database
    assert database is not None
    engine = open_engine(
        role_url(database, f"{service}_work"), schema=service, pool_size=2, planner=BY_INDEX
    )
    stack.push_async_callback(engine.dispose)
    wire = open_wire(
        service,
        Server(road.platform.nats_url),
        seed_file=seed_file(road.platform.state, service),
        on_lost=lambda: None,
    )
    await wire.start()
    stack.push_async_callback(wire.stop)
    durables = [reading.durable for reading in readings_of(service)]
    return LawKeeper(
        engine=engine,
        wire=wire,
        readers=[Reader(one.name, one.stream, one.stream != "INBOX") for one in durables],
        metrics=start_metrics(service),
        seconds=0,
        settled=settled,
    )
