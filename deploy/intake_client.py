"""Asks intake for an organisation that imports, and waits while it is away."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.callers import issue_token

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who imports: the organisation, its signing key and the role it speaks in."""

    organisation: str
    signing: Ed25519PrivateKey
    role: str = "case_owner"

    def token(self) -> str:
        """A fresh token; made for each row, since a long import outlives one."""
        return issue_token(
            self.signing,
            organisation=self.organisation,
            role=self.role,
            audience="intake",
            now=datetime.now(UTC),
        )


class ImportStopped(Exception):
    """Intake cannot be used now; what was sent is safe, the same command goes on from there."""


@dataclass(frozen=True, slots=True)
class Intake:
    """intake's API for one sender, which waits while intake is away."""

    client: httpx.AsyncClient
    sender: Sender

    async def post(self, path: str, body: Mapping[str, object], *, key: str) -> httpx.Response:
        """Try again while intake is away; the key makes a second arrival harmless."""
        return await self._ask("POST", path, json=body, headers={"Idempotency-Key": key})

    async def get(self, path: str) -> httpx.Response:
        """Read something."""
        return await self._ask("GET", path)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        pause = 0.2
        while True:
            said = {"Authorization": f"Bearer {self.sender.token()}", **(headers or {})}
            try:
                answer = await self.client.request(method, path, json=json, headers=said)
                if answer.status_code < 500:
                    return answer
                fault = f"intake answers {answer.status_code}"
            except httpx.HTTPError as error:
                fault = f"intake cannot be reached ({type(error).__name__})"
            if asyncio.get_running_loop().time() > deadline:
                raise ImportStopped(fault)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
