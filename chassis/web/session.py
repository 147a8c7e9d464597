"""Keeps a person signed in for at most eight hours, in a signed cookie that says who they are."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from chassis.identity import ROLES, Caller

LIFE = timedelta(hours=8)
SESSION_TYPE = "siraba-session+jwt"
SECRET_BYTES = 32


@dataclass(frozen=True)
class Sessions:
    """One service's sessions.

    Args:
        secret: at least 32 random bytes of this service alone.
        service: names the cookie, so that services at one address keep theirs apart.
        path: where the service lives at its address; the cookie goes nowhere else.
        secure: true behind TLS: the cookie then travels over HTTPS only.
    """

    secret: bytes
    service: str
    path: str = "/"
    secure: bool = False

    def __post_init__(self) -> None:
        if len(self.secret) < SECRET_BYTES:
            raise ValueError("a session secret has at least 32 bytes")

    def __repr__(self) -> str:
        return f"Sessions({self.service})"

    @property
    def cookie(self) -> str:
        return f"siraba_{self.service}"

    def open(self, response: Response, caller: Caller, *, now: datetime) -> None:
        """Give the caller a session; its end is fixed now and never moves."""
        end = int((now + LIFE).timestamp())
        claims = {
            "org": caller.organisation,
            "role": caller.role,
            "aud": self.service,
            "exp": end,
        }
        header = {"alg": "HS256", "typ": SESSION_TYPE}
        value = jwt.encode(header, claims, OctKey.import_key(self.secret), algorithms=["HS256"])
        response.set_cookie(
            self.cookie, value, max_age=int(LIFE.total_seconds()), path=self.path,
            secure=self.secure, httponly=True, samesite="lax",
        )  # fmt: skip

    def close(self, response: Response) -> None:
        response.delete_cookie(
            self.cookie, path=self.path, secure=self.secure, httponly=True, samesite="lax"
        )

    def caller(self, request: Request, *, now: datetime) -> Caller | None:
        """The person of this request; None without a session that is ours and still runs."""
        value = request.cookies.get(self.cookie)
        if not value:
            return None
        try:
            token = jwt.decode(value, OctKey.import_key(self.secret), algorithms=["HS256"])
        except (JoseError, ValueError):
            return None
        claims = token.claims
        end, role, organisation = claims.get("exp"), claims.get("role"), claims.get("org")
        if token.header.get("typ") != SESSION_TYPE or claims.get("aud") != self.service:
            return None
        if not isinstance(end, int) or end <= now.timestamp() or role not in ROLES:
            return None
        return Caller(organisation, role) if isinstance(organisation, str) else None


def add_entrance(
    app: FastAPI,
    sessions: Sessions,
    *,
    home: str,
    verify: Callable[[str], Awaitable[Caller]],
    clock: Callable[[], datetime],
) -> None:
    """Add `GET /enter?token=`, which swaps a short-lived token for a session, and `POST /leave`.

    Args:
        home: the page of this app where a person goes after entering or leaving.
        verify: makes a caller of the token, or raises as chassis.identity does.
    """

    @app.get("/enter", include_in_schema=False)
    async def enter(request: Request, token: str = "") -> Response:
        caller = await verify(token)
        response = _to(request, home)
        sessions.open(response, caller, now=clock())
        return response

    @app.post("/leave", include_in_schema=False)
    async def leave(request: Request) -> Response:
        response = _to(request, home)
        sessions.close(response)
        return response


def _to(request: Request, home: str) -> RedirectResponse:
    return RedirectResponse(str(request.scope.get("root_path", "")) + home, status_code=303)
