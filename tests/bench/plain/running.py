"""Chain B: the plain services on their own PostgreSQL and NATS, set up as strictly as ours."""

import asyncio
import base64
import json
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.topology import READINGS, all_streams, feed_durable, inbox_prefix
from deploy.drift import consumer_config, stream_config
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import Child, ChildSpec, free_port, spawn, wait_until
from deploy.engines import NatsPorts, embedded_nats, write_nats_config
from deploy.jetstream import asked, connected
from deploy.keys import OPERATIONS, PROVISIONER, registered_partners, seed_file
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
        folder = stack.enter_context(open_folder())
        state = State(folder)
        state.prepare()
        keys = {one.code: init(state.partners / one.code, code=one.code) for one in cast}
        postgres = EmbeddedPostgres(folder / "postgres", password="superuser", log=folder / "log")
        postgres.start()
        stack.callback(postgres.stop)
        await _make_tables(postgres.url("postgres"), cast, keys)
        ports = NatsPorts(free_port(), free_port())
        write_nats_config(state, ports, registered_partners(state))
        server = embedded_nats(state, ports)
        server.start()
        stack.callback(server.stop)
        await _declare(server.url, seed_file(state, PROVISIONER), [one.code for one in cast])
        services: dict[str, Child] = {}
        urls: dict[str, str] = {}
        for name in SERVICES:
            settings = Settings(
                service=name,
                port=free_port(),
                nats_url=server.url,
                seed_file=seed_file(state, name),
                database_url=postgres.url("postgres"),
                dossier_key="d1" * 32,
                feed_key="fe" * 32,
            )
            urls[name] = f"http://127.0.0.1:{settings.port}"
            services[name] = await stack.enter_async_context(_service(settings, folder))
        programs = await stack.enter_async_context(
            partner_programs(server.url, state.partners, folder / "receipts", cast=cast)
        )
        operations = await stack.enter_async_context(
            connected(server.url, OPERATIONS, seed_file(state, OPERATIONS))
        )
        assert postgres.child is not None
        assert server.child is not None
        yield Chain(
            name="plain",
            cast=cast,
            keys=keys,
            intake_url=urls["intake"],
            operations=operations,
            admin_url=postgres.url("postgres").replace("+asyncpg", ""),
            receipts=folder / "receipts",
            trees={"postgres": postgres.child.pid, "nats": server.child.pid}
            | {name: child.pid for name, child in services.items()}
            | {"partners": programs.pid},
            crossing=CROSSING,
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
            await connection.execute(
                models.Caller.__table__.insert().values(code=one.code, signing_key=public)  # type: ignore[attr-defined]  # a Table
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
    async with connected(url, PROVISIONER, seed) as client:
        for stream in all_streams(codes):
            await asked(client, f"STREAM.CREATE.{stream.name}", stream_config(stream))
        durables = [(feed_durable(code), "") for code in codes]
        durables += [
            (reading.durable, f"{inbox_prefix(reading.service)}.push.{reading.stream}")
            for reading in READINGS
        ]
        for durable, push in durables:
            config = consumer_config(durable) | ({"deliver_subject": push} if push else {})
            subject = f"CONSUMER.CREATE.{durable.stream}.{durable.name}"
            if durable.filter_subject:
                subject += f".{durable.filter_subject}"
            await asked(client, subject, {"stream_name": durable.stream, "config": config})


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
