"""Assembles reporting: settings, parts, consumers, routes, page; nothing happens at import."""

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
from chassis.web import Sessions, web_app
from services.reporting import api, pages
from services.reporting.consumers import consumers
from services.reporting.settings import ReportingSettings
from services.reporting.store import facts

SOURCE = "/siraba/reporting"
PREFIX = "/reporting"


def create_app(
    settings: ReportingSettings | None = None, *, processors: Sequence[SpanProcessor] = ()
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers with its lifespan."""
    settings = settings or ReportingSettings()
    parts = assemble("reporting", settings, source=SOURCE, processors=processors)
    parts.consumers += consumers(parts)
    sessions = Sessions(
        read_secret(settings.secrets_dir, "reporting-session.key"),
        service="reporting",
        path=PREFIX,
        secure=settings.secure_cookies,
    )

    async def key_of(code: str) -> Ed25519PublicKey | None:
        async with parts.web.connect() as connection:
            return public_key(await facts.signing_key(connection, code))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.running():
            yield

    layout = pages.layout()
    app = web_app(title="Siraba reporting", pages=layout, prefix=PREFIX, lifespan=lifespan)
    app.add_middleware(TraceRequests, tracing=parts.tracing)
    app.include_router(probes(parts.health))
    app.include_router(api.router(web=parts.web, key_of=key_of, mint=parts.mint))
    desk = pages.Desk(web=parts.web, sessions=sessions, key_of=key_of, mint=parts.mint)
    pages.add_pages(app, layout, desk)
    return app
