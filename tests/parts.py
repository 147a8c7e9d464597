"""A service's real parts on a fresh PostgreSQL database and a fresh NATS server."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from chassis.assembly import Parts, assemble
from chassis.inbox import Received
from chassis.settings import ServiceSettings
from tests.servers import Database, NatsServer
from tests.signing import write_platform_keys

KEYS = {
    "accounts.key": b"a" * 32,
    "feed.key": b"f" * 32,
    "fingerprints.key": b"p" * 32,
    "intake-session.key": b"s" * 32,
    "reporting-session.key": b"r" * 32,
    "kek/20260101T000000Z.key": b"d" * 32,
}


@dataclass(slots=True)
class Site:
    """Where services of one test live; `spans` and `failures` collect what they report."""

    server: NatsServer
    database: Database
    folder: Path
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    failures: list[str] = field(default_factory=list)

    def settings(self, service: str, kind: type[ServiceSettings] = ServiceSettings) -> Any:
        """The settings of a service here; its keys are the same in every test."""
        for name, key in KEYS.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(base64.urlsafe_b64encode(key))
            path.chmod(0o600)
        write_platform_keys(self.folder)
        return kind(
            nats_url=self.server.url,
            nats_seed_file=self.server.seed_file(service),
            database_url_web=SecretStr(self.database.url(f"{service}_web")),
            database_url_work=SecretStr(self.database.url(f"{service}_work")),
            secrets_dir=self.folder,
        )

    def assembled(self, service: str) -> Parts:
        """A service's parts, not started."""
        return assemble(
            service,
            self.settings(service),
            source=f"/siraba/{service}",
            processors=[SimpleSpanProcessor(self.spans)],
            on_failure=lambda: self.failures.append(service),
        )

    @asynccontextmanager
    async def parts(self, service: str) -> AsyncIterator[Parts]:
        """A service's parts with its connection to NATS; nothing consumes or relays by itself."""
        parts = self.assembled(service)
        await parts.wire.start()
        try:
            yield parts
        finally:
            await parts.wire.stop()
            await parts.work.dispose()
            await parts.web.dispose()
            parts.tracing.close()

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may see and do everything."""
        engine = create_async_engine(self.database.superuser_url, poolclass=NullPool)
        async with engine.begin() as connection:
            yield connection

    async def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """What a query finds, as the superuser; names carry their schema."""
        async with self.superuser() as connection:
            return [tuple(row) for row in await connection.execute(text(query), parameters)]

    async def run(self, statement: str, **parameters: Any) -> None:
        """One statement, as the superuser."""
        async with self.superuser() as connection:
            await connection.execute(text(statement), parameters)


@pytest.fixture
def site(nats_server: Callable[..., NatsServer], fresh_database: Database, tmp_path: Path) -> Site:
    """A NATS server with a police and a shelter, and a database, both fresh."""
    return Site(nats_server("POLICE_A", "SHELTER_B"), fresh_database, tmp_path)


async def fetched(parts: Parts, stream: str, durable: str, *, wanted: int) -> list[Msg]:
    """The next deliveries of a durable, as its service's own user gets them."""
    subscription = await parts.wire.jetstream.pull_subscribe_bind(durable, stream=stream)
    found: list[Msg] = []
    while len(found) < wanted:
        found += await subscription.fetch(wanted - len(found), timeout=5)
    await subscription.unsubscribe()
    return found


@asynccontextmanager
async def writing_as(server: NatsServer, user: str) -> AsyncIterator[JetStreamContext]:
    """JetStream with the rights of one of our services."""
    async with server.user(user) as client:
        yield client.jetstream(timeout=5)


async def until(holds: Callable[[], Awaitable[Any]], *, seconds: float = 10) -> Any:
    """Wait until something is true, and give it back."""
    async with asyncio.timeout(seconds):
        while not (found := await holds()):
            await asyncio.sleep(0.02)
    return found


EFFECTS = "create table {0}.effects (nth bigserial, subject text, number bigint, id uuid)"
GRANTS = "grant all on {0}.effects, {0}.effects_nth_seq to {0}_work"


async def make_effects(site: Site, service: str = "referral") -> None:
    """A table that nothing keeps from being filled twice."""
    await site.run(EFFECTS.format(service))
    await site.run(GRANTS.format(service))


async def take_effect(connection: AsyncConnection, batch: Sequence[Received]) -> None:
    """A handler that writes one row for each message."""
    for one in batch:
        await connection.execute(
            text("insert into effects (subject, number, id) values (:subject, :number, :id)"),
            {
                "subject": one.envelope.subject,
                "number": one.envelope.case_sequence,
                "id": one.envelope.id,
            },
        )


async def effects(site: Site, service: str = "referral") -> list[tuple[str, int]]:
    """(subject, number) in the order of their effect."""
    return await site.rows(f"select subject, number from {service}.effects order by nth")
