"""What every service's app has in common: its parts run with it, its requests are traced."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.health import probes
from chassis.identity import public_key
from chassis.telemetry.http import TraceRequests
from chassis.web import KeyLookup, Pages, web_app

FindKey = Callable[[AsyncConnection, str], Awaitable[str | None]]


def serve(parts: Parts, *, pages: Pages | None = None) -> FastAPI:
    """The app of one service under `/<service>`, with its probes; routes are added by its owner."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.running():
            yield

    app = web_app(
        title=f"Siraba {parts.service}",
        prefix=f"/{parts.service}",
        pages=pages,
        lifespan=lifespan,
    )
    app.add_middleware(TraceRequests, tracing=parts.tracing)
    app.include_router(probes(parts.health))
    return app


def key_lookup(parts: Parts, find: FindKey) -> KeyLookup:
    """How tokens are checked: by the key that `find` reads from the service's own tables."""

    async def key_of(code: str) -> Ed25519PublicKey | None:
        async with parts.web.connect() as connection:
            return public_key(await find(connection, code))

    return key_of
