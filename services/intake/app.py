"""Assembles intake: settings, parts, consumers, routes; nothing happens at import."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor

from chassis.assembly import assemble
from chassis.health import probes
from chassis.identity import public_key
from chassis.secrets import read_secret
from chassis.telemetry.http import TraceRequests
from chassis.web import web_app
from contracts.intake import SOURCE
from services.intake import api
from services.intake.consumers import consumers
from services.intake.settings import IntakeSettings
from services.intake.store import followed
from services.intake.vault import Vault


def create_app(
    settings: IntakeSettings | None = None, *, processors: Sequence[SpanProcessor] = ()
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or IntakeSettings()
    parts = assemble("intake", settings, source=SOURCE, processors=processors)
    parts.consumers += consumers(parts)
    vault = Vault(read_secret(settings.secrets_dir, "dossier.key"), parts.mint.entropy)

    async def key_of(code: str) -> Ed25519PublicKey | None:
        async with parts.web.connect() as connection:
            return public_key(await followed.signing_key(connection, code))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.running():
            yield

    app = web_app(title="Siraba intake", prefix="/intake", lifespan=lifespan)
    app.add_middleware(TraceRequests, tracing=parts.tracing)
    app.include_router(probes(parts.health))
    app.include_router(api.router(api.Desk(parts, api.Registrar(parts, vault), key_of)))
    return app
