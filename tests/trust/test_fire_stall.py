import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from uuid import uuid4

import pytest
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox import Consumer, Received
from contracts.reading import read_event
from deploy.embedded.processes import started
from tests.builders import a_case, event_headers, event_subject
from tests.ledger import Figure, Form
from tests.parts import Site, writing_as
from tests.servers import Database, NatsServer
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
SEED = 20261205
PATIENCE = 90.0
DURABLES = ("reporting-INTAKE", "referral-INTAKE")


@dataclass(slots=True)
class Lane:
    """A broker of its own with parked consumers; `waits`: seconds from an ack to its effect."""

    site: Site
    seed: int
    seen: set[tuple[str, str]] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)

    async def run(self, kills: int) -> None:
        """Kill the broker at a parked pull, start it, send one event; who stays silent, and how long?"""
        random = Random(self.seed)
        async with self._listening("reporting"), self._listening("referral"):
            for _ in range(kills):
                await asyncio.sleep(random.uniform(0.0, 0.6))
                await self._restart_broker()
                async with writing_as(self.site.server, "intake") as jetstream:
                    case_id = await self._send(jetstream)
                began = monotonic()
                wanted = {(name, case_id) for name in DURABLES}
                while not wanted <= self.seen and monotonic() - began < PATIENCE:
                    await asyncio.sleep(0.01)
                self.waits.append(monotonic() - began)

    async def _restart_broker(self) -> None:
        server = self.site.server.server
        broker = started(server.child).process
        broker.kill()
        await asyncio.to_thread(broker.wait)
        await asyncio.to_thread(server.prepare)
        server.spawn()  # on this thread: the kernel ties the child to it
        await asyncio.to_thread(server.wait_ready)

    async def _send(self, jetstream: JetStreamContext) -> str:
        event, case_id = a_case(), str(uuid4())
        headers = event_headers(event, case_id=case_id, number=1)
        await jetstream.publish(event_subject(event, case_id), event.encode(), headers=headers)
        return case_id

    @asynccontextmanager
    async def _listening(self, service: str) -> AsyncIterator[None]:
        """One consumer of a service, begun anew whenever its watchdog ends it."""
        task = asyncio.create_task(self._listen(service))
        try:
            await asyncio.sleep(1)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self, service: str) -> None:
        name = f"{service}-INTAKE"

        async def note(_: AsyncConnection, batch: Sequence[Received]) -> None:
            self.seen |= {(name, one.envelope.subject) for one in batch}

        while True:
            parts = self.site.assembled(service)
            parts.consumers.append(
                Consumer(
                    name=name,
                    stream="INTAKE",
                    parts=parts,
                    trust=parts.trust,
                    check=read_event,
                    handle=note,
                    ordered=True,
                )
            )
            async with parts.running():
                while service not in self.site.failures:
                    await asyncio.sleep(0.1)
            self.site.failures.remove(service)


@pytest.mark.timeout(1200)
async def test_no_consumer_stays_silent_after_its_broker_was_killed_at_a_parked_pull(
    nats_server: Callable[..., NatsServer],
    fresh_database: Database,
    tmp_path: Path,
    form: Form,
    figure: Figure,
) -> None:
    kills, width = form.pick(short=6, long=300), form.pick(short=2, long=6)
    lanes = []
    for nth in range(width):
        folder = tmp_path / str(nth)
        folder.mkdir()
        lanes.append(Lane(Site(nats_server("POLICE_A"), fresh_database, folder), SEED + nth))
    await asyncio.gather(*(lane.run(kills // width) for lane in lanes))

    waits = sorted(wait for lane in lanes for wait in lane.waits)
    say(f"{len(waits)} kills: median {waits[len(waits) // 2]:.2f} s, longest {waits[-1]:.1f} s")
    assert len(waits) == kills
    figure("fire.stall.seconds_max", round(waits[-1], 2), seed=SEED)
