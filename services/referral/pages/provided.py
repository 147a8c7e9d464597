"""Signing in by an institution: there with a question that only this browser can have answered, and back."""

import hmac
from hashlib import sha256
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.web import Refusal
from services.referral.gateways.provider import (
    Provider,
    ProviderAway,
    ProviderRefused,
    Question,
)
from services.referral.pages.door import (
    SECRET_BYTES,
    PeoplesDoor,
    address_of,
    end_session,
    onward,
)
from services.referral.use_cases.vouching import Opening, let_in

BACK: Final = "/login/provider/back"
_MINUTES: Final = 10
_CODE: Final = 2000
#: What a person is told, and by which answer.
FAULTS: Final = {"away": 502, "answer": 400, "stranger": 403}


def add_provided(app: FastAPI, door: PeoplesDoor) -> None:
    """`/login/provider`, where it comes back to, and the way out there."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login/provider")
    async def go_there(request: Request) -> Response:
        secret, now = door.parts.mint.entropy(SECRET_BYTES).hex(), door.parts.mint.moment()
        try:
            address = await _provider(door).address(_question(request, secret), now=now)
        except ProviderAway:
            return _told(door, request, "away")
        response = RedirectResponse(address, status_code=303)
        response.set_cookie(
            _cookie(door), secret, max_age=_MINUTES * 60, path="/",
            secure=door.secure, httponly=True, samesite="lax",
        )  # fmt: skip
        return response

    @routes.get(BACK)
    async def come_back(request: Request, state: str = "", code: str = "") -> Response:
        _provider(door)
        response = await _come_back(door, request, state=state, code=code)
        response.delete_cookie(
            _cookie(door), path="/", secure=door.secure, httponly=True, samesite="lax"
        )
        return response

    @routes.get("/login/provider/leave")
    async def leave_there(request: Request) -> Response:
        back_to = f"{_here(request)}/login"
        now = door.parts.mint.moment()
        try:
            address = await _provider(door).leaving(back_to=back_to, now=now)
        except ProviderAway:
            return _told(door, request, "away")
        return RedirectResponse(address or "/login", status_code=303)

    app.include_router(routes)


async def _come_back(door: PeoplesDoor, request: Request, *, state: str, code: str) -> Response:
    question = _question(request, request.cookies.get(_cookie(door), ""))
    has_asked = _cookie(door) in request.cookies
    if not (has_asked and code) or len(code) > _CODE or not _is_same(state, question.state):
        return _told(door, request, "answer")
    address = address_of(request)
    door.throttle.admit(address)
    now = door.parts.mint.moment()
    try:
        one = await _provider(door).answer(question, code, now=now)
    except ProviderRefused:
        return _told(door, request, "answer")
    except ProviderAway:
        return _told(door, request, "away")
    opening = Opening(secret=door.parts.mint.entropy(SECRET_BYTES).hex(), now=now)
    async with door.parts.work.begin() as connection:
        who = await let_in(connection, one, opening)
    if who is None:
        return _told(door, request, "stranger")
    door.throttle.give_back(address)
    response = await onward(door, request, who, kept="")
    await end_session(door, request)
    door.give(response, opening.secret)
    return response


def _question(request: Request, secret: str) -> Question:
    """All of it from what the browser alone holds, so that nothing of it has to be kept here."""

    def part(name: str) -> str:
        return sha256(f"{name}:{secret}".encode()).hexdigest()

    return Question(
        state=part("state"),
        nonce=part("nonce"),
        verifier=part("verifier"),
        redirect_uri=f"{_here(request)}{BACK}",
    )


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _provider(door: PeoplesDoor) -> Provider:
    if door.provider is None:
        raise Refusal(404, "not_found", "There is no such page")
    return door.provider


def _cookie(door: PeoplesDoor) -> str:
    return "__Host-siraba_asked" if door.secure else "siraba_asked"


def _here(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _told(door: PeoplesDoor, request: Request, fault: str) -> HTMLResponse:
    return door.pages.render(request, "unknown.html", {"fault": fault}, status=FAULTS[fault])
