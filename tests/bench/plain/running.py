"""Chain B: the plain services on their own PostgreSQL and NATS, set up as strictly as ours."""

import asyncio
import base64
import json
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.topology import READINGS, inbox_prefix
from deploy.drift import consumer_config, consumer_subject
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import Child, ChildSpec, free_port, spawn, started, wait_until
from deploy.engines import NatsPorts, embedded_nats, write_nats_config
from deploy.jetstream import asked, connected
from deploy.keys import (
    OPERATIONS,
    PROVISIONER,
    new_seed,
    public_key,
    registered_partners,
    seed_file,
)
from deploy.provision import provision
from deploy.state import State
from partners.kit import Keys, init
from tests.bench.cast import Member
from tests.bench.chain import ROOT, Chain, partner_programs
from tests.bench.plain import models
from tests.bench.plain.parts import Settings
from tests.servers import open_folder

SERVICES = ("intake", "referral", "reporting")
CROSSING = """
    select number, referral_id from intake.cases join referral.referrals using (case_id)
    where registered_at >= $1
"""


@asynccontextmanager
async def running_plain(cast: list[Member]) -> AsyncIterator[Chain]:
    """The chain with these organisations and their programs."""
    async with AsyncExitStack() as stack:
        state = State(stack.enter_context(open_folder()))
        state.prepare()
        keys = {one.code: init(state.partners / one.code, code=one.code) for one in cast}
        postgres = stack.enter_context(_postgres(state))
        await _make_tables(postgres.url("postgres"), cast, keys)
        seed = state.root / "plain.seed"
        nats = stack.enter_context(_nats(state, seed))
        await _declare(nats.url, seed_file(state, PROVISIONER), [one.code for one in cast])
        trees = {"postgres": started(postgres.child).pid, "nats": started(nats.child).pid}
        ports: dict[str, int] = {}
        for name in SERVICES:
            settings = _settings(name, seed, nats_url=nats.url, database=postgres)
            child = await stack.enter_async_context(_service(settings, state.root))
            trees[name] = child.pid
            ports[name] = settings.port
        receipts = state.root / "receipts"
        programs = partner_programs(
            nats.url, state.partners, receipts, protection="none", cast=cast
        )
        trees["partners"] = (await stack.enter_async_context(programs)).pid
        operations = connected(nats.url, OPERATIONS, seed_file(state, OPERATIONS))
        yield Chain(
            name="plain",
            cast=cast,
            keys=keys,
            intake_url=f"http://127.0.0.1:{ports['intake']}",
            operations=await stack.enter_async_context(operations),
            admin_url=postgres.url("postgres").replace("+asyncpg", ""),
            receipts=receipts,
            trees=trees,
            crossing=CROSSING,
        )


@contextmanager
def _postgres(state: State) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(state.postgres, password="superuser", log=state.run / "postgres.log")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _nats(state: State, seed: Path) -> Iterator[EmbeddedNats]:
    """Ours, with one more user in the account of the streams, as an ordinary chain has: no lists."""
    ports = NatsPorts(free_port(), free_port())
    write_nats_config(state, ports, registered_partners(state))
    seed.write_text(new_seed())
    server = embedded_nats(state, ports)
    text, users = server.config.read_text(), "jetstream: enabled\n    users: [ "
    assert text.count(users) == 1
    user = f"{{ nkey: {public_key(seed.read_text())} }}, "
    server.config.write_text(text.replace(users, users + user))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _settings(name: str, seed: Path, *, nats_url: str, database: EmbeddedPostgres) -> Settings:
    return Settings(
        service=name,
        port=free_port(),
        nats_url=nats_url,
        seed_file=seed,
        database_url=database.url("postgres"),
        dossier_key="d1" * 32,
        feed_key="fe" * 32,
    )


async def _make_tables(url: str, cast: Iterable[Member], keys: Mapping[str, Keys]) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for service in SERVICES:
            await connection.execute(text(f"create schema {service}"))
        await connection.run_sync(models.Model.metadata.create_all)
        for one in cast:
            public = base64.urlsafe_b64encode(
                keys[one.code].signing.public_key().public_bytes_raw()
            ).decode()
            callers = models.Caller.__table__
            await connection.execute(
                callers.insert().values(code=one.code, kind=one.kind, signing_key=public)  # type: ignore[attr-defined]  # a Table
            )
            await connection.execute(
                models.Organisation.__table__.insert().values(  # type: ignore[attr-defined]  # a Table
                    code=one.code,
                    kind=one.kind,
                    region=one.region,
                    zones=[one.region],
                    services=[one.service],
                )
            )
    await engine.dispose()


async def _declare(url: str, seed: Path, codes: list[str]) -> None:
    """The same streams and feeds as ours, but push consumers for the services."""
    await provision(url, seed, codes)
    async with connected(url, PROVISIONER, seed) as client:
        for reading in READINGS:
            durable = reading.durable
            await asked(client, f"CONSUMER.DELETE.{durable.stream}.{durable.name}")
            push = f"{inbox_prefix(reading.service)}.push.{reading.stream}"
            config = consumer_config(durable) | {"deliver_subject": push}
            body = {"stream_name": durable.stream, "config": config}
            await asked(client, consumer_subject(durable), body)


@asynccontextmanager
async def _service(settings: Settings, folder: Path) -> AsyncIterator[Child]:
    path = folder / f"{settings.service}.json"
    path.write_text(json.dumps(asdict(settings), default=str))
    child = spawn(
        ChildSpec(
            settings.service,
            command=[sys.executable, "-m", "tests.bench.plain", str(path)],
            log=folder / f"{settings.service}.log",
            folder=ROOT,
        )
    )
    try:
        await asyncio.to_thread(wait_until, lambda: _healthy(settings.port), child)
        yield child
    finally:
        child.stop(grace=25)


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
