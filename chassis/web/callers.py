"""Finds the caller of a request: a program by its bearer token, a person by the session cookie."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from chassis.identity import Caller, TokenMissing, claimed_issuer, verify_token
from chassis.web.session import Sessions

Clock = Callable[[], datetime]
KeyLookup = Callable[[str], Awaitable[Ed25519PublicKey | None]]


async def read_caller(
    token: str | None, *, audience: str, now: datetime, key_of: KeyLookup
) -> Caller:
    """Verify a token with a key that is looked up first, as from a database.

    Raises:
        TokenRefused, RoleForbidden: see chassis.identity.
    """
    issuer = claimed_issuer(token)
    keys = {issuer: await key_of(issuer)}
    return verify_token(token, audience=audience, now=now, key_of=keys.get)


def bearer_caller(
    *, audience: str, key_of: KeyLookup, clock: Clock
) -> Callable[..., Awaitable[Caller]]:
    """Make the FastAPI dependency that turns `Authorization: Bearer` into a caller."""
    scheme = HTTPBearer(
        bearerFormat="JWT",
        description="A token as chassis.identity describes it.",
        auto_error=False,
    )

    async def caller(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(scheme)],
    ) -> Caller:
        token = credentials.credentials if credentials else None
        return await read_caller(token, audience=audience, now=clock(), key_of=key_of)

    return caller


def session_caller(sessions: Sessions, *, clock: Clock) -> Callable[[Request], Awaitable[Caller]]:
    """Make the FastAPI dependency that turns the session cookie into a caller."""

    async def caller(request: Request) -> Caller:
        found = sessions.caller(request, now=clock())
        if found is None:
            raise TokenMissing
        return found

    return caller
