"""Finds the program that calls by its bearer token; chassis.web.entrance finds the person."""

from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase

from chassis.web.refusals import CALLER
from contracts.callers import ROLES, Caller, claimed_end, claimed_issuer, verify_token

Clock = Callable[[], datetime]
KeyLookup = Callable[[str], Awaitable[Ed25519PublicKey | None]]
KEY_LIFE = timedelta(seconds=1)
ROOM = 2000


async def read_caller(
    token: str | None, *, audience: str, now: datetime, key_of: KeyLookup
) -> Caller:
    """Verify a token with a key that is looked up first, as from a database.

    Raises:
        TokenRefused, RoleForbidden: see contracts.callers.
    """
    issuer = claimed_issuer(token)
    keys = {issuer: await key_of(issuer)}
    return verify_token(token, audience=audience, now=now, key_of=keys.get)


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    key: bytes
    until: datetime


@dataclass(slots=True)
class Verifier:
    """Verifies each token once: a second time it only looks whether the key is still the same.

    A key is asked for at most once a second, so that a withdrawn one stops its tokens within that.
    """

    audience: str
    key_of: KeyLookup
    _keys: dict[str, tuple[Ed25519PublicKey | None, datetime]] = field(default_factory=dict)
    _known: dict[str, _Known] = field(default_factory=dict)

    async def caller(self, token: str | None, *, now: datetime) -> Caller:
        """The caller a token names. Raises TokenRefused, RoleForbidden."""
        known = self._known.get(token or "")
        if known is not None and now < known.until:
            key = await self._key(known.caller.organisation, now=now)
            if key is not None and key.public_bytes_raw() == known.key:
                return known.caller
        issuer = claimed_issuer(token)
        key = await self._key(issuer, now=now)
        caller = verify_token(token, audience=self.audience, now=now, key_of={issuer: key}.get)
        if key is not None and token is not None:
            self._remember(token, _Known(caller, key.public_bytes_raw(), claimed_end(token)))
        return caller

    async def _key(self, organisation: str, *, now: datetime) -> Ed25519PublicKey | None:
        held = self._keys.get(organisation)
        if held is None or now - held[1] >= KEY_LIFE:
            if held is not None:  # one request asks; the others go on with the key meanwhile
                self._keys[organisation] = (held[0], now)
            self._keys[organisation] = held = (await self.key_of(organisation), now)
            if len(self._keys) > ROOM:
                self._keys.pop(next(iter(self._keys)))
        return held[0]

    def _remember(self, token: str, known: _Known) -> None:
        self._known[token] = known
        if len(self._known) > ROOM:
            self._known.pop(next(iter(self._known)))


class BearerCaller(SecurityBase):
    """The FastAPI dependency that turns `Authorization: Bearer` into a caller with one of `roles`.

    It stands for the scheme in the description as well: FastAPI pays for every further level.
    """

    def __init__(
        self, *, audience: str, key_of: KeyLookup, clock: Clock, roles: Sequence[str] = ROLES
    ) -> None:
        self.scheme_name = "HTTPBearer"
        self.model = HTTPBearerModel(
            bearerFormat="JWT", description="A token as contracts.callers describes it."
        )
        self._verifier = Verifier(audience, key_of)
        self._clock = clock
        self._roles = roles

    def having(self, *roles: str) -> Self:
        """The same for these roles only; both know what either has verified."""
        other = copy(self)
        other._roles = roles
        return other

    async def __call__(self, request: Request) -> Caller:
        """Raises TokenRefused, RoleForbidden."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else None
        who = await self._verifier.caller(given, now=self._clock())
        request.scope[CALLER] = who.organisation
        who.require(*self._roles)
        return who
