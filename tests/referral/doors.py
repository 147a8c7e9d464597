"""The HTTP door of a running referral, as one organisation's program comes to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from chassis.assembly import assemble
from contracts.callers import issue_token
from contracts.keyring import encode_base64url
from contracts.topology import OUT
from services.referral.app import create_app
from services.referral.settings import ReferralSettings
from tests.parts import Site, until, writing_as
from tests.signing import private_key

OWN, FOREIGN = "SHELTER_B", "POLICE_A"


@dataclass(slots=True)
class Knocker:
    """A program of `OWN`, or of whom it says, at any door of this kind."""

    http: httpx.AsyncClient

    def headers(self, *, code: str = OWN, role: str = "system") -> dict[str, str]:
        """What it presents."""
        token = issue_token(
            private_key(code),
            organisation=code,
            role=role,
            audience="referral",
            now=datetime.now(UTC),
        )
        return {"Authorization": f"Bearer {token}"}

    async def feed(self, *, code: str = OWN, role: str = "system", **query: Any) -> httpx.Response:
        """GET its feed."""
        headers = self.headers(code=code, role=role)
        return await self.http.get("/partners/feed", params=query, headers=headers)

    async def ask(self, event: Any, *, code: str = OWN, role: str = "system") -> httpx.Response:
        """POST a request."""
        headers = self.headers(code=code, role=role) | {
            "Content-Type": "application/cloudevents+json"
        }
        return await self.http.post("/partners/requests", json=event, headers=headers)


async def lay(jetstream: JetStreamContext, code: str, *bodies: str) -> None:
    """Put messages into an organisation's feed."""
    for body in bodies:
        headers = {"ce-id": body, "ce-subject": "caf%C3%A9", "siraba-signature": "s"}
        await jetstream.publish(f"out.{code}.a.b.v1", body.encode(), headers=headers)


async def first_stored(jetstream: JetStreamContext) -> RawStreamMsg:
    """The first request in INBOX, which draws on the ingress streams in its own time."""

    async def first() -> RawStreamMsg | None:
        with suppress(NotFoundError):
            return await jetstream.get_msg("INBOX", 1)
        return None

    found: RawStreamMsg = await until(first)
    return found


@dataclass(slots=True)
class DoorKnocker(Knocker):
    """At the door of a running referral."""

    site: Site

    async def tell(self, code: str, *bodies: str) -> None:
        """Put messages into an organisation's feed."""
        async with writing_as(self.site.server, "referral") as jetstream:
            await lay(jetstream, code, *bodies)

    async def stored(self) -> RawStreamMsg:
        """The first request that came."""
        async with writing_as(self.site.server, "referral") as jetstream:
            return await first_stored(jetstream)

    async def confirmed(self, code: str = OWN) -> int:
        """Up to where its durable counts as acknowledged."""
        async with writing_as(self.site.server, "provisioner") as jetstream:
            floor = (await jetstream.consumer_info(OUT.name, code)).ack_floor
            assert floor is not None
            return int(floor.stream_seq)


@asynccontextmanager
async def open_door(site: Site) -> AsyncIterator[DoorKnocker]:
    """referral runs, and both organisations are known by their keys."""
    for code in (OWN, FOREIGN):
        await site.run(
            "insert into referral.organisation_keys (key, owner, use, valid_from)"
            " values (:key, :owner, 'signing', '2020-01-01T00:00Z')",
            key=encode_base64url(private_key(code).public_key().public_bytes_raw()),
            owner=code,
        )
    ended = partial(assemble, on_failure=lambda: site.failures.append("referral"))
    app = create_app(site.settings("referral", ReferralSettings), assembly=ended)
    async with (
        LifespanManager(app, startup_timeout=30, shutdown_timeout=30),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://siraba") as client,
    ):
        knocker = DoorKnocker(http=client, site=site)

        async def is_open() -> bool:
            return (await knocker.feed()).status_code == httpx.codes.OK

        await until(is_open)
        yield knocker
