"""Collects what proves a case: its messages as the streams hold them, roots, proofs, looks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from contracts.roots import Leaf, Root
from contracts.topology import SERVICES, inbox_prefix, partition, service_stream
from deploy.embedded.processes import ServerError
from deploy.evidence_document import (
    ServiceRecord,
    SignedRoot,
    StoredMessage,
    audit_chains,
    document,
)
from deploy.jetstream import JetStreamError, asked, connected
from deploy.keys import PROVISIONER
from deploy.tracing.collect import case_id_of

QUIET_SECONDS = 10.0
_FORGOTTEN_NS = 60_000_000_000
#: An id is older than its row, by another clock.
_CLOCKS = timedelta(days=1)
_BEGAN = text("select min(created_at) from intake.outbox where case_id = :case")
_ON_RECORD = text("""
    insert into intake.audit (organisation, role, action, case_id, parts, purpose, outcome, shown)
    values ('PLATFORM', 'operator', 'evidence.export', :case, '', 'evidence', 'shown', 1)
""")
_LOOKS = """
    select chain, case_id = :case as own, {service}.audit_line(audit) as line,
           encode({service}.audit_tag(case_id), 'hex') as tag,
           encode(sha256(convert_to({service}.audit_line(audit), 'UTF8')), 'hex') as said
    from {service}.audit where chain = any(:chains) order by chain, number
"""


async def collect_evidence(
    database_url: str, case: str, *, nats_url: str, seed: Path, now: datetime
) -> dict[str, Any]:
    """The document about one case, by number or id. database_url: the operator's role.

    Raises UnknownCase, ServerError.
    """
    async with _reading(database_url) as connection:
        case_id = await case_id_of(connection, case)
        began = await connection.scalar(_BEGAN, {"case": case_id})
        if began is None:
            raise ServerError("no message was ever written about this case")
        chains = audit_chains(case_id, since=began - _CLOCKS, until=now)
        await connection.rollback()
        await connection.execute(_ON_RECORD, {"case": case_id})
        await connection.commit()
        # The tables first: what is said meanwhile is then beyond the root, and not missing.
        records = {
            service: await _service_record(connection, service, case_id, chains=chains)
            for service in SERVICES
        }
    async with connected(nats_url, PROVISIONER, seed) as client:
        messages = [
            one for service in SERVICES for one in await _case_messages(client, service, case_id)
        ]
    return document(case_id, messages, records, made_at=now)


async def all_roots(database_url: str) -> list[SignedRoot]:
    """Every service's roots, the oldest first: what a witness should hold too."""
    async with _reading(database_url) as connection:
        return [one for service in SERVICES for one in await _roots(connection, service)]


@asynccontextmanager
async def _reading(database_url: str) -> AsyncIterator[AsyncConnection]:
    """One moment of the whole database."""
    engine = create_async_engine(database_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
    finally:
        await engine.dispose()


async def _case_messages(client: Client, service: str, case: UUID) -> list[StoredMessage]:
    """One service's messages about the case, in the order of their stream.

    Read from the stream itself, whatever the tables say: only the case's sixteenth of it.
    """
    stream = service_stream(service).name
    subject = f"siraba.{service}.*.*.*.{partition(str(case))}"
    async with _pushed(client, stream, subject) as (arrived, count):
        found = []
        for _ in range(count):
            async with asyncio.timeout(QUIET_SECONDS):
                message = await arrived.get()
            if (message.headers or {}).get("ce-subject") == str(case):
                found.append(_stored(stream, message))
        return found


@asynccontextmanager
async def _pushed(
    client: Client, stream: str, subject: str
) -> AsyncIterator[tuple[asyncio.Queue[Msg], int]]:
    """What the stream holds under a subject now, pushed to us, and how many that are."""
    name = f"evidence-{stream}"
    target = f"{inbox_prefix(PROVISIONER)}.evidence.{stream}"
    arrived: asyncio.Queue[Msg] = asyncio.Queue()

    async def note(message: Msg) -> None:
        arrived.put_nowait(message)

    subscription = await client.subscribe(
        target, cb=note, pending_msgs_limit=-1, pending_bytes_limit=-1
    )
    config = {
        "name": name,
        "deliver_subject": target,
        "filter_subject": subject,
        "deliver_policy": "all",
        "ack_policy": "none",
        "replay_policy": "instant",
        "mem_storage": True,
        "inactive_threshold": _FORGOTTEN_NS,
    }
    body = {"stream_name": stream, "config": config}
    made = await asked(client, f"CONSUMER.CREATE.{stream}.{name}.{subject}", body)
    try:
        yield arrived, made["num_pending"] + made["delivered"]["consumer_seq"]
    finally:
        await subscription.unsubscribe()
        with suppress(JetStreamError):  # it would forget itself within a minute
            await asked(client, f"CONSUMER.DELETE.{stream}.{name}")


def _stored(stream: str, message: Msg) -> StoredMessage:
    return StoredMessage(
        stream=stream,
        sequence=message.metadata.sequence.stream,
        recorded_at=message.metadata.timestamp,
        subject=message.subject,
        headers=dict(message.headers or {}),
        body=message.data,
    )


async def _service_record(
    connection: AsyncConnection, service: str, case: UUID, *, chains: Sequence[str]
) -> ServiceRecord:
    """Newest root, what lies under it, and the chains that a look at this case could be in."""
    roots = await _roots(connection, service)
    leaves = await connection.execute(
        text(f"select stream, key, last, head from {service}.leaves order by place")  # noqa: S608 - a name of ours
    )
    looks = {"case": case, "chains": list(chains)}
    audit: dict[str, list[str | tuple[str, str]]] = {chain: [] for chain in chains}
    for row in await connection.execute(text(_LOOKS.format(service=service)), looks):
        audit[row.chain].append(row.line if row.own else (row.tag, row.said))
    return ServiceRecord(
        newest=roots[-1] if roots else None,
        leaves=[Leaf(row.stream, row.key, row.last, bytes(row.head)) for row in leaves],
        audit=audit,
    )


async def _roots(connection: AsyncConnection, service: str) -> list[SignedRoot]:
    found = await connection.execute(
        text(f"select day, made_at, size, root, signature from {service}.roots order by day")  # noqa: S608 - a name of ours
    )
    return [
        SignedRoot(
            root=Root(service, row.day, row.made_at, row.size, bytes(row.root)),
            signature=row.signature,
        )
        for row in found
    ]
