"""intake as it runs, called over HTTP by officers of two organisations."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from asgi_lifespan import LifespanManager
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from chassis.assembly import Assembly, assemble
from contracts.callers import issue_token
from contracts.keyring import encode_base64url
from services.intake import calling_back, forgetting, searching
from services.intake.app import create_app
from services.intake.settings import IntakeSettings
from tests.builders import coded_facts
from tests.parts import Site
from tests.signing import private_key

CODES = ("POLICE_A", "SHELTER_B")
#: What intake looks for each second or five, it looks for more often, so that nobody waits for it.
LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Desk:
    """A client, and the signing keys that the directory knows."""

    site: Site
    client: httpx.AsyncClient
    app: FastAPI
    keys: Mapping[str, Ed25519PrivateKey] = field(
        default_factory=lambda: {code: private_key(code) for code in CODES}
    )

    def token(self, code: str = "POLICE_A", **changes: Any) -> str:
        """A caller's token; an hour that has passed is `now=…`."""
        said: dict[str, Any] = {
            "organisation": code,
            "role": "officer",
            "audience": "intake",
            "now": datetime.now(UTC),
        }
        return issue_token(self.keys[code], **said | changes)

    async def post(
        self,
        content: bytes | Mapping[str, Any] | None = None,
        *,
        code: str = "POLICE_A",
        key: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Submit a case; without a key one is made, with None there is none."""
        body = json.dumps(content).encode() if isinstance(content, Mapping) else content
        said = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token(code)}"}
        if key is not None:
            said["Idempotency-Key"] = key or str(uuid4())
        return await self.client.post(
            "/intake/cases",
            content=json.dumps(coded_facts()).encode() if body is None else body,
            headers={name: v for name, v in (said | dict(headers or {})).items() if v != "none"},
        )

    async def get(self, path: str, code: str = "POLICE_A") -> httpx.Response:
        """Read something."""
        return await self.client.get(
            f"/intake{path}", headers={"Authorization": f"Bearer {self.token(code)}"}
        )

    async def count(self, table: str) -> int:
        """How many rows a table of intake has."""
        return int((await self.site.rows(f"select count(*) from intake.{table}"))[0][0])


@asynccontextmanager
async def open_desk(
    site: Site, assembly: Assembly = assemble, *, is_known: bool = False
) -> AsyncIterator[Desk]:
    """intake runs with consumers and relay until the block ends; assembly: for controls.

    is_known: its callers are in the directory from an earlier start.
    """
    settings = site.settings("intake", IntakeSettings)
    processors = [SimpleSpanProcessor(site.spans)]
    app = create_app(settings, processors=processors, assembly=assembly)
    transport = httpx.ASGITransport(app)
    with pytest.MonkeyPatch.context() as hurried:
        for job in (calling_back, forgetting, searching):
            hurried.setattr(job, "LOOK_SECONDS", LOOK_SECONDS)
        async with (
            LifespanManager(app, startup_timeout=30, shutdown_timeout=30),
            httpx.AsyncClient(transport=transport, base_url="http://siraba") as client,
        ):
            desk = Desk(site, client, app)
            for code, key in () if is_known else desk.keys.items():
                await site.run(
                    "insert into intake.organisations values (:code, 'police', 'nats')", code=code
                )
                public = encode_base64url(key.public_key().public_bytes_raw())
                await site.run(
                    "insert into intake.organisation_keys (key, owner, use, valid_from)"
                    " values (:key, :code, 'signing', '2020-01-01T00:00Z')",
                    code=code,
                    key=public,
                )
            yield desk


def an_hour_ago() -> datetime:
    """When an expired token was made."""
    return datetime.now(UTC) - timedelta(hours=1)
