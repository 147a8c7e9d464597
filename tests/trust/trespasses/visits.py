"""An organisation at the platform's public address, and what is another's there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.callers import issue_token
from tests.journeys.cases import Case
from tests.journeys.road import Road
from tests.trust.evidence import Asking


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An organisation at the platform's one address, and what is another's there."""

    road: Road
    me: str
    other: str
    #: A case that the other registered, and a referral that was offered to it.
    number: str
    referral: str

    @property
    def key(self) -> Ed25519PrivateKey:
        """What I sign with, and nobody else."""
        return self.road.keys[self.me].signing

    def token(self, **changes: Any) -> str:
        """A good token of mine, but for these changes."""
        said = {
            "organisation": self.me,
            "role": "officer",
            "audience": "intake",
            "now": datetime.now(UTC),
        }
        return issue_token(self.key, **{**said, **changes})

    async def asks(
        self, method: str, path: str, token: str | None = None, **options: Any
    ) -> httpx.Response:
        """One request with this token, or with a good one of mine."""
        headers = {"Authorization": f"Bearer {token or self.token()}", **options.pop("headers", {})}
        return await self.road.http.request(method, path, headers=headers, **options)


async def visit(road: Road, me: str, other: str, *, case: Case) -> Visit:
    """`other` has registered this case, and was offered a referral of another one."""
    number = await road.submit_until_accepted(case)
    found = await Asking(road, "referral")(
        f"select referral_id from referral.referrals where organisation = '{other}' limit 1"
    )
    referral = found[0][0] if found else str(uuid4())
    return Visit(road=road, me=me, other=other, number=number, referral=referral)


Attempt = Callable[[Visit], Awaitable[bool]]
