"""The door of people: an invitation is taken up, password and code open a session, leaving ends it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from chassis.assembly import Parts
from chassis.trust import SigningKey
from chassis.web import Entrance, Pages, Throttle, check_origin
from contracts.callers import Caller, TokenMissing
from contracts.passes import Pass, issue_pass
from services.referral.domain.accounts import LIFE, PASSWORD_LIMIT
from services.referral.gateways.credentials import Credentials
from services.referral.gateways.provider import Provider
from services.referral.pages.code_keys import entered_code
from services.referral.pages.fields import fields
from services.referral.pages.invitation import add_invitation
from services.referral.store import accounts, recoveries
from services.referral.use_cases.inviting import OPERATOR, digest_of
from services.referral.use_cases.signing_in import Attempt, sign_in

#: Where who signed in goes on, by role, and where they may have come from.
AUDIENCES = ("intake", "referral", "reporting", "operations")
_FIGURES = ("analyst", "data_officer")
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplesDoor:
    """What it stands on.

    entrance: of referral's own pages; throttle: of wrong tries, by address; secure: behind TLS.
    provider: where an institution signs its people in itself, if any does.
    """

    parts: Parts
    entrance: Entrance
    pages: Pages
    credentials: Credentials
    signing: SigningKey
    throttle: Throttle
    provider: Provider | None
    secure: bool

    @property
    def cookie(self) -> str:
        """A browser takes the first name only over HTTPS, for this very host and all of it."""
        return "__Host-siraba" if self.secure else "siraba_person"

    def give(self, response: Response, secret: str) -> None:
        """Let the browser keep the session for as long as it can last."""
        response.set_cookie(
            self.cookie, secret, max_age=int(LIFE.total_seconds()), path="/",
            secure=self.secure, httponly=True, samesite="lax",
        )  # fmt: skip

    def take(self, response: Response) -> None:
        """Let the browser forget it."""
        response.delete_cookie(
            self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax"
        )


def add_door(app: FastAPI, door: PeoplesDoor) -> None:
    """`/login`, `/join`, `/leave`, and `/session_pass` for the front address alone."""
    routes = APIRouter(include_in_schema=False)
    _add_passes(routes, door)
    _add_login(routes, door)
    _add_leaving(routes, door)
    add_invitation(routes, parts=door.parts, pages=door.pages, credentials=door.credentials)
    app.include_router(routes)


def _add_passes(routes: APIRouter, door: PeoplesDoor) -> None:
    @routes.get("/session_pass")
    async def make_pass(request: Request, audience: str, by_itself: bool = False) -> Response:
        secret, now = request.cookies.get(door.cookie), door.parts.mint.moment()
        if not secret or audience not in AUDIENCES:
            return Response(status_code=204)
        async with door.parts.work.begin() as connection:
            seen = await accounts.seen(connection, digest_of(secret), now=now, marks=not by_itself)
        if seen is None:
            return Response(status_code=204)
        who = Pass(
            caller=Caller(seen.organisation, seen.role, seen.account_id.hex),
            signed_in_at=seen.signed_in_at,
            # From which nobody finds the session.
            form=digest_of(f"form:{secret}").hex(),
        )
        signer = door.signing.signer()
        return PlainTextResponse(issue_pass(who, audience=audience, now=now, signer=signer))


def _add_login(routes: APIRouter, door: PeoplesDoor) -> None:
    @routes.get("/login")
    async def show_login(
        request: Request, *, joined: str = "", again: str = "", left: str = ""
    ) -> Response:
        # Whom a service asks to sign in again has a session here that runs on.
        if again != "1":
            with suppress(TokenMissing):
                who = await door.entrance.visitor(request)
                return RedirectResponse(home_of(who), status_code=303)
        return _login(door, request, joined=joined == "1", left=left == "1")

    @routes.post("/login")
    async def log_in(request: Request) -> Response:
        check_origin(request)
        given = await fields(request)
        kept = given.get("kept", "")
        if sealed_by(kept) and "login" not in given:
            return _login(door, request, kept=kept)
        secret, address = door.parts.mint.entropy(SECRET_BYTES).hex(), address_of(request)
        door.throttle.admit(address)
        who = await _signed_in(door, given, secret=secret)
        if who is None:
            return _login(door, request, wrong=True, kept=kept)
        door.throttle.give_back(address)
        response = await onward(door, request, who, kept=kept)
        await end_session(door, request)
        door.give(response, secret)
        return response


def _add_leaving(routes: APIRouter, door: PeoplesDoor) -> None:
    @routes.post("/leave")
    async def leave(
        request: Request, who: Annotated[Caller, Depends(door.entrance.sender)]
    ) -> Response:
        async with door.parts.work.connect() as connection:
            account = await accounts.by_id(connection, UUID(str(who.person)))
        await end_session(door, request)
        # Where an institution signed them in, they are still signed in there.
        is_elsewhere = account is not None and account.issuer is not None
        response = RedirectResponse("/login?left=1" if is_elsewhere else "/login", status_code=303)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        door.take(response)
        return response


async def _signed_in(door: PeoplesDoor, given: Mapping[str, str], *, secret: str) -> Caller | None:
    attempt = await attempted(door, given, login=given.get("login", "").strip().lower())
    async with door.parts.work.begin() as connection:
        return await sign_in(
            connection,
            attempt,
            secret=secret,
            now=door.parts.mint.moment(),
            credentials=door.credentials,
        )


async def attempted(door: PeoplesDoor, given: Mapping[str, str], *, login: str) -> Attempt:
    """What was entered as this login's; the long comparison happens outside of any transaction."""
    login = login[:PASSWORD_LIMIT]
    # One more than any password has: what is too long is compared, and is none.
    password = given.get("password", "")[: PASSWORD_LIMIT + 1]
    async with door.parts.work.connect() as connection:
        known = await accounts.find(connection, login)
    digest = known.password if known else None
    return Attempt(
        login=login,
        password_fits=await door.credentials.fits(password, digest),
        compared_with=digest,
        code=entered_code(given.get("code", "")),
    )


async def end_session(door: PeoplesDoor, request: Request) -> None:
    """Whatever session this browser held before."""
    if held := request.cookies.get(door.cookie):
        async with door.parts.work.begin() as connection:
            await accounts.end_session(connection, digest_of(held))


async def onward(door: PeoplesDoor, request: Request, who: Caller, *, kept: str) -> Response:
    """To the work; back to the form, for who was filling one in. kept: sealed by a service, for itself.

    What others said of somebody's account is the first thing that they are told.
    """
    if service := sealed_by(kept):
        return door.pages.render(request, "onward.html", {"kept": kept, "service": service})
    async with door.parts.work.connect() as connection:
        news = await recoveries.news(connection, UUID(str(who.person)))
    return RedirectResponse("/referral/account" if news else home_of(who), status_code=303)


def _login(
    door: PeoplesDoor,
    request: Request,
    *,
    joined: bool = False,
    left: bool = False,
    wrong: bool = False,
    kept: str = "",
) -> HTMLResponse:
    context = {
        "joined": joined,
        "left": left and door.provider is not None,
        "wrong": wrong,
        "kept": kept,
        "service": sealed_by(kept),
        "has_provider": door.provider is not None,
    }
    return door.pages.render(request, "login.html", context, status=401 if wrong else 200)


def sealed_by(kept: str) -> str | None:
    """The service that sealed what a late form said, which alone can open it."""
    service = kept.partition(".")[0]
    return service if service in AUDIENCES else None


def home_of(who: Caller) -> str:
    """The first page of somebody's work."""
    if who.role == OPERATOR:
        return "/operations/"
    return "/reporting/" if who.role in _FIGURES else "/referral/"


def address_of(request: Request) -> str:
    """From where somebody comes, as the front says it; of IPv6 the network, which is one subscriber's.

    Kept in memory by the throttle, and nowhere else.
    """
    text = request.headers.get("x-forwarded-for", "")
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    bits = 64 if address.version == 6 else 32
    return str(ip_network((address, bits), strict=False))
