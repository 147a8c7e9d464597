"""Services in this very process, on real embedded servers, so that a test sees every span."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import httpx
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts.callers import issue_token
from deploy.directory_publish import publish_directory
from deploy.keys import read_public_keys
from deploy.platform import make_secrets
from deploy.settings import PlatformSettings
from deploy.signing_keys import hand_over
from partners.kit import Keys, init
from services.intake.app import create_app as create_intake
from services.intake.settings import IntakeSettings
from services.referral.app import create_app as create_referral
from services.referral.settings import ReferralSettings
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from tests.servers import Database, NatsServer, PostgresServer, running_nats

MAKERS: Mapping[str, tuple[Callable[..., FastAPI], Callable[..., Any]]] = {
    "intake": (create_intake, IntakeSettings),
    "referral": (create_referral, ReferralSettings),
    "reporting": (create_reporting, ReportingSettings),
}


@dataclass(slots=True)
class Town:
    """Servers, services and organisations of one test. `spans`: of each service, in memory."""

    database: Database
    nats: NatsServer
    keys: dict[str, Keys]
    apps: dict[str, FastAPI] = field(default_factory=dict)
    spans: dict[str, InMemorySpanExporter] = field(default_factory=dict)

    def folder(self, code: str) -> Path:
        """Where an organisation keeps its keys and its ledger."""
        return self.nats.state.partners / code

    async def post(self, owner: str, body: Mapping[str, Any], *, key: str) -> httpx.Response:
        """Submit a case to intake."""
        token = issue_token(
            self.keys[owner].signing,
            organisation=owner,
            role="officer",
            audience="intake",
            now=datetime.now(UTC),
        )
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        transport = httpx.ASGITransport(self.apps["intake"])
        async with httpx.AsyncClient(transport=transport, base_url="http://siraba") as client:
            return await client.post("/intake/cases", json=dict(body), headers=headers)

    async def rows(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        """What the tables hold, past all row-level rules."""
        connection = await asyncpg.connect(self.database.superuser_url.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(query, *given)]
        finally:
            await connection.close()

    async def run(self, script: str) -> None:
        """Change the tables from outside, as the superuser."""
        connection = await asyncpg.connect(self.database.superuser_url.replace("+asyncpg", ""))
        try:
            await connection.execute(script)
        finally:
            await connection.close()

    def finished(self) -> list[ReadableSpan]:
        """Every span that has ended, of all services."""
        return [span for kept in self.spans.values() for span in kept.get_finished_spans()]


@asynccontextmanager
async def town(
    server: PostgresServer, codes: Sequence[str], *, services: Sequence[str]
) -> AsyncIterator[Town]:
    """The services run, the directory is published, the organisations have keys and feeds."""
    database = server.new_database()
    with running_nats(provisioned=False) as nats:
        place = Town(database, nats, _organisations(nats, codes))
        nats.server.reload()
        assert (await nats.provision()).clean
        make_secrets(nats.state, now=datetime.now(UTC))
        hand_over(nats.state)
        async with AsyncExitStack() as stack:
            for service in services:
                await stack.enter_async_context(running(place, service))
            await publish_directory(
                PlatformSettings().directory_file,
                state=nats.state,
                database_url=database.url("referral_work"),
            )
            yield place
    server.drop(database)


def _organisations(nats: NatsServer, codes: Sequence[str]) -> dict[str, Keys]:
    keys = {}
    for code in codes:
        folder = nats.state.partners / code
        keys[code] = init(folder, code=code)
        nats.partners.append(read_public_keys(folder / "public.json"))
    nats.write_config()
    return keys


@asynccontextmanager
async def running(place: Town, service: str) -> AsyncIterator[None]:
    """One service, from start to orderly stop; may be started again."""
    make, settings = MAKERS[service]
    state = place.nats.state
    own: dict[str, Any] = {"vault_dir": state.vault} if service == "intake" else {}
    place.spans[service] = InMemorySpanExporter()
    app = make(
        settings(
            nats_url=place.nats.url,
            nats_seed_file=place.nats.seed_file(service),
            database_url_web=place.database.url(f"{service}_web"),
            database_url_work=place.database.url(f"{service}_work"),
            secrets_dir=state.secrets,
            **own,
        ),
        processors=[SimpleSpanProcessor(place.spans[service])],
    )
    place.apps[service] = app
    async with app.router.lifespan_context(app):
        yield
