"""What every service's app has in common: its parts run with it, its requests are traced."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI

from chassis.assembly import Parts
from chassis.directory_keys import current_key
from chassis.health import probes
from chassis.secrets import read_secret
from chassis.settings import ServiceSettings
from chassis.telemetry.http import TraceRequests
from chassis.telemetry.metrics import measures
from chassis.web import Entrance, KeyLookup, Pages, Sessions, web_app
from chassis.web.again import Again
from chassis.web.keeping import Keeper
from chassis.web.session import LIFE, SECRET_BYTES
from contracts.callers import public_key


def serve(
    parts: Parts,
    *,
    pages: Pages | None = None,
    larger_bodies: Mapping[str, int] | None = None,
) -> FastAPI:
    """The app of one service under `/<service>`, with its probes; routes are added by its owner.

    larger_bodies: bytes that a path takes where it takes more than others.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.running():
            yield

    app = web_app(
        title=f"Siraba {parts.service}",
        prefix=f"/{parts.service}",
        pages=pages,
        larger_bodies=larger_bodies,
        secure=parts.secure,
        lifespan=lifespan,
    )
    app.add_middleware(TraceRequests, tracing=parts.tracing)
    app.include_router(probes(parts.health))
    app.include_router(measures(parts.metrics))
    return app


def key_lookup(parts: Parts) -> KeyLookup:
    """How tokens are checked: by the organisation's key in the service's own tables."""

    async def key_of(code: str) -> Ed25519PublicKey | None:
        async with parts.web.connect() as connection:
            return public_key(await current_key(connection, code))

    return key_of


def entrance(
    parts: Parts,
    settings: ServiceSettings,
    *,
    roles: Sequence[str],
    life: timedelta = LIFE,
    by_link: bool = True,
) -> Entrance:
    """How people of these roles come to a service's pages; its sessions have a key of their own.

    by_link: false where nobody comes by a link, so that no key for it has to be kept.
    """
    key_file = f"{parts.service}-session.key"
    sessions = Sessions(
        read_secret(settings.secrets_dir, key_file)
        if by_link
        else parts.mint.entropy(SECRET_BYTES),
        service=parts.service,
        path=f"/{parts.service}",
        secure=settings.secure_cookies,
        life=life,
    )
    return Entrance(
        sessions=sessions,
        key_of=key_lookup(parts),
        clock=parts.mint.moment,
        roles=roles,
        ring=parts.keys.look,
        again=Again(
            service=parts.service,
            keeper=Keeper(sessions.secret, parts.mint.entropy),
            clock=parts.mint.moment,
        ),
    )
