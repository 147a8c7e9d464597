"""Assembles referral: settings, parts, consumers, routes; nothing happens at import."""

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
from contracts.referral import SOURCE
from services.referral import api
from services.referral.consumers import Handlers, consumers
from services.referral.settings import ReferralSettings
from services.referral.store import directory


def create_app(
    settings: ReferralSettings | None = None, *, processors: Sequence[SpanProcessor] = ()
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or ReferralSettings()
    parts = assemble("referral", settings, source=SOURCE, processors=processors)
    handlers = Handlers(parts, read_secret(settings.secrets_dir, "feed.key"))
    parts.consumers += consumers(parts, handlers)

    async def key_of(code: str) -> Ed25519PublicKey | None:
        async with parts.web.connect() as connection:
            return public_key(await directory.signing_key(connection, code))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.running():
            yield

    app = web_app(title="Siraba referral", prefix="/referral", lifespan=lifespan)
    app.add_middleware(TraceRequests, tracing=parts.tracing)
    app.include_router(probes(parts.health))
    app.include_router(api.router(web=parts.web, key_of=key_of, mint=parts.mint))
    return app
