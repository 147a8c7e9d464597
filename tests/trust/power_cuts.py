"""Writes to an engine on a lossy disk until the lights go out, again and again, and counts."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from random import Random

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from contracts.topology import internal_subject
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import Child, free_port, started
from deploy.engines import NatsPorts, embedded_nats, write_nats_config
from deploy.keys import PROVISIONER
from deploy.state import State
from tests.servers import NatsServer, open_folder
from tests.trust.auditor import Finding, compare
from tests.trust.faults.frozen import with_children
from tests.trust.faults.power import LossyDisk
from tests.trust.streams import read_streams

WRITERS = 8
SUBJECT = internal_subject("intake", "case.registered", 1, subject_id="one")
Write = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Nats:
    """Configured as the platform's; `synced` False leaves syncing to the server's own default."""

    disk: LossyDisk
    server: NatsServer
    synced: bool
    name: str = "NATS"

    async def start(self) -> None:
        """Start on what the disk holds; without syncing the stream itself may be gone."""
        self.server.server.start()
        if not self.synced:
            await self.server.provision()

    def kill(self) -> None:
        """End it at once."""
        kill(self.server.server.child)

    @asynccontextmanager
    async def writers(self) -> AsyncIterator[list[Write]]:
        """Each publishes and waits for the PubAck."""
        async with AsyncExitStack() as stack:
            # Closing towards a server that is gone ends nats-py's own tasks by a cancellation.
            stack.enter_context(suppress(asyncio.CancelledError))
            client = await stack.enter_async_context(self.server.user("intake"))
            jetstream = client.jetstream(timeout=2)

            async def publish(identity: str) -> None:
                headers = {"Nats-Msg-Id": identity, "ce-id": identity}
                await jetstream.publish(SUBJECT, identity.encode(), headers=headers)

            yield [publish] * WRITERS

    async def read(self) -> list[str]:
        """Every id in the stream."""
        seed = self.server.seed_file(PROVISIONER)
        stored = await read_streams(self.server.url, seed, ["INTAKE"])
        return [message.id for message in stored["INTAKE"]]


@dataclass(frozen=True, slots=True)
class Postgres:
    """With the platform's settings; `synced` False lets each writer ask not to wait for the disk."""

    disk: LossyDisk
    server: EmbeddedPostgres
    synced: bool
    name: str = "PostgreSQL"

    async def start(self) -> None:
        """Start on what the disk holds."""
        self.server.start()

    def kill(self) -> None:
        """End all its processes at once."""
        kill(self.server.child)

    @asynccontextmanager
    async def writers(self) -> AsyncIterator[list[Write]]:
        """Each commits a row by itself."""
        async with AsyncExitStack() as stack:
            yield [self._writer(await self._connected(stack)) for _ in range(WRITERS)]

    async def read(self) -> list[str]:
        """Every id in the table."""
        async with AsyncExitStack() as stack:
            connection = await self._connected(stack)
            return [row["id"] for row in await connection.fetch("select id from kept")]

    async def _connected(self, stack: AsyncExitStack) -> asyncpg.Connection:
        url = self.server.url("postgres").replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        # Terminated, not closed: a goodbye to a dead server would wait.
        stack.callback(connection.terminate)
        if not self.synced:
            await connection.execute("set synchronous_commit = off")
        return connection

    @staticmethod
    def _writer(connection: asyncpg.Connection) -> Write:
        async def insert(identity: str) -> None:
            await connection.execute("insert into kept values ($1)", identity)

        return insert


async def lose_power(engine: Nats | Postgres, *, cuts: int, seed: int) -> Finding:
    """The five sets after that many cuts, each after 0.1 to 0.6 s of writing as fast as can be."""
    random = Random(seed)
    acked: list[str] = []
    attempted: list[str] = []
    await engine.start()
    for cut in range(cuts):
        async with engine.writers() as writers:
            tasks = [
                asyncio.create_task(_write(f"{cut}-{nth}", write, attempted, acked))
                for nth, write in enumerate(writers)
            ]
            await asyncio.sleep(random.uniform(0.1, 0.6))
            engine.disk.cut()
            engine.kill()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        engine.disk.back()
        await engine.start()
    found = await engine.read()
    engine.kill()
    question = f"{engine.name}: what was acknowledged is there after {cuts} power cuts"
    return compare(question, acked=acked, found=found, attempted=attempted)


async def _write(name: str, write: Write, attempted: list[str], acked: list[str]) -> None:
    """`name-1`, `name-2`… until the engine fails."""
    number = 0
    with suppress(Exception):
        while True:
            number += 1
            attempted.append(f"{name}-{number}")
            await write(f"{name}-{number}")
            acked.append(f"{name}-{number}")


@contextmanager
def nats_on_a_lossy_disk(*, synced: bool) -> Iterator[Nats]:
    """Provisioned, not running."""
    with open_folder() as folder:
        state = State(folder)
        state.prepare()
        ports = NatsPorts(free_port(), free_port())
        server = NatsServer(state, embedded_nats(state, ports), ports)
        write_nats_config(state, ports, ())
        if not synced:
            _leave_syncing_to_the_server(state)
        with LossyDisk(state.nats / "store") as disk:
            server.server.start()
            try:
                asyncio.run(server.provision())
                server.server.stop()
                yield Nats(disk, server, synced)
            finally:
                kill(server.server.child)


def _leave_syncing_to_the_server(state: State) -> None:
    config = state.nats / "nats.conf"
    ours = config.read_text()
    weaker = ours.replace("sync_interval: always", "")
    assert weaker != ours
    config.write_text(weaker)


@contextmanager
def postgres_on_a_lossy_disk(*, synced: bool) -> Iterator[Postgres]:
    """With the table, not running; it was made before the disk became lossy."""
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", password="superuser", log=folder / "log")
        server.start()
        asyncio.run(_make_table(server))
        server.stop()
        with LossyDisk(server.data) as disk:
            try:
                yield Postgres(disk, server, synced)
            finally:
                kill(server.child)


async def _make_table(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.url("postgres").replace("+asyncpg", ""))
    await connection.execute("create table kept (id text primary key)")
    await connection.close()


def kill(child: Child | None) -> None:
    """SIGKILL a server and all its processes; returns when the first has ended."""
    if child is None or not child.running:
        return
    for pid in with_children(started(child).pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.process.wait()
