"""Keeps a person signed in for some hours at most, in a signed cookie that says who they are."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from chassis.web.problems import Refusal
from contracts.callers import ROLES, Caller

LIFE = timedelta(hours=8)
SESSION_TYPE = "siraba-session+jwt"
SECRET_BYTES = 32
FORM_FIELD = "session_form"


@dataclass(frozen=True)
class Sessions:
    """One service's sessions.

    Args:
        secret: at least 32 random bytes of this service alone.
        service: names the cookie, so that services at one address keep theirs apart.
        path: where the service lives at its address; the cookie goes nowhere else.
        secure: true behind TLS: the cookie then travels over HTTPS only.
        life: how long a session lasts.
    """

    secret: bytes
    service: str
    path: str = "/"
    secure: bool = False
    life: timedelta = LIFE

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
        end = int((now + self.life).timestamp())
        claims: dict[str, str | int] = {
            "org": caller.organisation,
            "role": caller.role,
            "aud": self.service,
            "iat": int(now.timestamp()),
            "exp": end,
        }
        if caller.person is not None:
            claims["sub"] = caller.person
        header = {"alg": "HS256", "typ": SESSION_TYPE}
        value = jwt.encode(header, claims, OctKey.import_key(self.secret), algorithms=["HS256"])
        response.set_cookie(
            self.cookie, value, max_age=int(self.life.total_seconds()), path=self.path,
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
        # A page may want sessions that are younger than the others do.
        begun = claims.get("iat")
        if not isinstance(begun, int) or now.timestamp() - begun >= self.life.total_seconds():
            return None
        if not isinstance(organisation, str):
            return None
        return Caller(organisation, role, claims.get("sub"))

    def form_token(self, request: Request) -> str:
        """What every form of this session carries in FORM_FIELD: no other site can know it."""
        cookie = request.cookies.get(self.cookie, "")
        return hmac.digest(self.secret, f"form:{cookie}".encode(), "sha256").hex()


async def check_form(request: Request, expected: str) -> None:
    """Let a form pass that carries what this session's forms do. Raises Refusal for any other."""
    given = (await request.form()).get(FORM_FIELD)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise foreign_form()


def check_origin(request: Request) -> None:
    """Let a form pass that a browser sends from a page of this very address.

    Every browser of the last years says where a form comes from, by one header or the other.
    Raises Refusal where it was elsewhere, or where nothing says that it was here.
    """
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    host = request.headers.get("host", "")
    is_here = origin is not None and urlsplit(origin).netloc == host
    if site not in (None, "same-origin") or not (is_here or (origin is None and site is not None)):
        raise foreign_form()


def foreign_form() -> Refusal:
    return Refusal(403, "foreign_form", "The form is not one of this session")
