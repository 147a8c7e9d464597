"""How fast an outbox is carried to NATS: our relay with both syncs, and faststream-outbox."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from faststream_outbox import OutboxBroker, make_outbox_table
from faststream_outbox.message import OutboxMessage
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.assembly import Parts, assemble
from contracts.intake import SOURCE, CaseRegistered
from contracts.topology import internal_subject
from deploy.jetstream import asked
from services.reporting.consumers import consumers
from tests.bench.cast import Member
from tests.builders import event_headers
from tests.parts import Site
from tests.servers import Database, NatsServer, running_nats

ALWAYS = "  sync_interval: always\n"


class Carrier(Protocol):
    """An outbox with a relay that runs."""

    async def rows_per_second(self, rows: int) -> float:
        """Commit `rows` messages at once, and see how long until all are stored in the stream."""


@contextmanager
def nats_with(*, always: bool) -> Iterator[NatsServer]:
    """Our server, or the same one with NATS's own sync every two minutes."""
    with running_nats(("ORG_000",)) as server:
        if not always:
            server.server.stop()
            config = server.server.config
            text = config.read_text()
            assert ALWAYS in text
            config.write_text(text.replace(ALWAYS, ""))
            server.server.start()
        yield server


def message(member: Member) -> CaseRegistered:
    """The event of a case of this member's."""
    facts = member.case(0)
    del facts["dossier"]
    return CaseRegistered.model_validate(
        facts | {"owner": "ORG_000", "registered_on": "2026-01-16"}
    )


_FILL_OURS = """
    insert into intake.outbox (id, stream, name, version, subject, sequence_key, case_id,
                               correlation_id, trace, started_trace, body)
    select gen_random_uuid(), 'INTAKE', 'case.registered', 1, made::text, made::text, made,
           made::text, hop, hop, convert_to($1, 'UTF8')
    from (select gen_random_uuid() as made,
                 '00-' || md5(random()::text) || '-' || left(md5(random()::text), 16)
                 || case when random() < 0.05 then '-01' else '-00' end as hop
          from generate_series(1, $2)) as cases
"""
_UNSENT = "select exists (select from intake.outbox where sent_at is null and erased_at is null)"
_TOOK = "select extract(epoch from max(sent_at) - $1::timestamptz) from intake.outbox"


@dataclass(frozen=True, slots=True)
class Ours:
    """Intake's outbox and relay."""

    parts: Parts
    administration: Any
    body: str

    async def rows_per_second(self, rows: int) -> float:
        """By the database's clock, from the commit to the last mark."""
        await self.administration.execute(_FILL_OURS, self.body, rows)
        began = await self.administration.fetchval("select clock_timestamp()")
        await self.parts.wake_relay()
        while await self.administration.fetchval(_UNSENT):
            await asyncio.sleep(0.02)
        return rows / float(await self.administration.fetchval(_TOOK, began))


@asynccontextmanager
async def our_relay(
    server: NatsServer, database: Database, folder: Path, *, member: Member
) -> AsyncIterator[Ours]:
    """Intake as it runs, with nobody posting."""
    folder.mkdir(exist_ok=True)
    settings = Site(server, database, folder).settings("intake")
    parts = assemble("intake", settings, source=SOURCE, on_failure=_ended)
    async with _administration(database) as administration, parts.running():
        yield Ours(parts, administration, message(member).encode().decode())


_FILL_PEER = """
    insert into peer_outbox (queue, payload, headers)
    select 'relay', convert_to($1, 'UTF8'),
           cast($2 as jsonb) || jsonb_build_object('Nats-Msg-Id', gen_random_uuid()::text)
    from generate_series(1, $3)
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """faststream-outbox's table and relay."""

    administration: Any
    body: str
    headers: str

    async def rows_per_second(self, rows: int) -> float:
        """Its rows are deleted once they are sent."""
        await self.administration.execute(_FILL_PEER, self.body, self.headers, rows)
        start = monotonic()
        await self.administration.execute("notify outbox_peer_outbox")
        while await self.administration.fetchval("select exists (select from peer_outbox)"):
            await asyncio.sleep(0.01)
        return rows / (monotonic() - start)


@asynccontextmanager
async def peer_relay(
    server: NatsServer, database: Database, *, member: Member
) -> AsyncIterator[Peer]:
    """Tuned: ten workers, batches of 100, deletes in fifties; publishes through bare nats-py."""
    metadata = MetaData()
    table = make_outbox_table(metadata, table_name="peer_outbox")
    engine = create_async_engine(database.superuser_url, pool_size=20)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    broker = OutboxBroker(
        engine, outbox_table=table, logger=None, apply_types=False, decoder=_as_it_is
    )
    event = message(member)
    case = str(UUID(int=1))
    subject = internal_subject("intake", event.name, event.version, subject_id=case)
    headers = event_headers(event, case_id=case, number=1)
    del headers["Nats-Msg-Id"]
    async with _administration(database) as administration, server.user("intake") as client:
        jetstream = client.jetstream(timeout=5)

        @broker.subscriber(
            "relay",
            max_workers=10,
            fetch_batch_size=100,
            terminal_flush_batch_size=50,
            min_fetch_interval=0.01,
            max_fetch_interval=0.1,
        )
        async def relay(body: bytes) -> None:
            row: OutboxMessage = broker.context.get("message")
            await jetstream.publish(subject, body, headers=dict(row.headers))

        await broker.start()
        try:
            yield Peer(administration, event.encode().decode(), json.dumps(headers))
        finally:
            await broker.stop()
            await engine.dispose()


async def consumed_per_second(server: NatsServer, database: Database, folder: Path) -> float:
    """Reporting takes everything that lies in INTAKE: events a second."""
    folder.mkdir(exist_ok=True)
    settings = Site(server, database, folder).settings("reporting")
    parts = assemble("reporting", settings, source="/siraba/reporting", on_failure=_ended)
    parts.consumers += consumers(parts)
    async with server.user("ops") as operations:
        place = "INTAKE.reporting-INTAKE"
        waiting = (await asked(operations, f"CONSUMER.INFO.{place}"))["num_pending"]
        start = monotonic()
        async with parts.running():
            while True:
                info = await asked(operations, f"CONSUMER.INFO.{place}")
                if not info["num_pending"] and not info["num_ack_pending"]:
                    return float(waiting / (monotonic() - start))
                await asyncio.sleep(0.02)


async def _as_it_is(message: Any, original: Any = None) -> Any:
    return message.body


@asynccontextmanager
async def _administration(database: Database) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database.superuser_url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


def _ended() -> None:
    raise AssertionError("a part of the service ended by itself")
