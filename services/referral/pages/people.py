"""The page on which a focal point invites and disables colleagues, and helps back in who lost codes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.web import Entrance, Refusal, Typed
from contracts.callers import Caller
from services.referral.pages.door import SECRET_BYTES, PeoplesDoor
from services.referral.pages.fields import fields
from services.referral.store import accounts, recoveries
from services.referral.use_cases.inviting import (
    COLLEAGUES,
    Invitation,
    InvitationRefused,
    disable,
    invite,
)
from services.referral.use_cases.recovering import (
    Agreement,
    RecoveryRefused,
    agree_recovery,
    ask_recovery,
    voucher,
)

#: Whoever signed in longer ago does so again before letting others in.
FRESH: Final = timedelta(minutes=30)
#: What was asked for and is not one's own looks like what is not there.
_NOT_THERE: Final = "unknown"
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def add_people(app: FastAPI, door: PeoplesDoor) -> None:
    """`/people` and what its forms send; for focal points."""
    sessions = replace(door.entrance.sessions, life=FRESH)
    entrance = replace(door.entrance, sessions=sessions, roles=("focal_point",))
    routes = APIRouter(include_in_schema=False)
    _add_looking(routes, door, entrance)
    _add_inviting(routes, door, entrance)
    _add_recovering(routes, door, entrance)
    app.include_router(routes)


def _add_looking(routes: APIRouter, door: PeoplesDoor, entrance: Entrance) -> None:
    visitor = Annotated[Caller, Depends(entrance.visitor)]
    sender = Annotated[Caller, Depends(entrance.sender)]

    @routes.get("/people")
    async def show_people(request: Request, who: visitor, done: str = "") -> HTMLResponse:
        return await _shown(door, request, who, done=done)

    @routes.post("/people/{account_id}/disable")
    async def disable_colleague(request: Request, account_id: UUID, who: sender) -> Response:
        async with door.parts.work.begin() as connection:
            account = await accounts.by_id(connection, account_id)
            now = door.parts.mint.moment()
            is_done = account is not None and await disable(
                connection, account.login, now=now, by=who
            )
        if not is_done:
            raise _nobody()
        return _back(request, done="disabled")


def _add_inviting(routes: APIRouter, door: PeoplesDoor, entrance: Entrance) -> None:
    sender = Annotated[Caller, Depends(entrance.sender)]

    @routes.post("/people")
    async def invite_colleague(request: Request, who: sender) -> HTMLResponse:
        given = await fields(request)
        secret = door.parts.mint.entropy(SECRET_BYTES).hex()
        asked = Invitation(
            account_id=door.parts.mint.opaque_id(),
            organisation=who.organisation,
            role=given.get("role", ""),
            login=given.get("login", "").strip().lower(),
        )
        if asked.role not in COLLEAGUES:
            return await _shown(door, request, who, fault="role", said=given)
        now = door.parts.mint.moment()
        try:
            async with door.parts.work.begin() as connection:
                until = await invite(connection, asked, secret=secret, now=now, by=who)
        except InvitationRefused as refused:
            return await _shown(door, request, who, fault=refused.reason, said=given)
        return _given(door, request, secret, until=until)

    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        return await _shown(door, request, who, said=typed.said, is_late=True)

    entrance.shows("/people", show_again)


def _add_recovering(routes: APIRouter, door: PeoplesDoor, entrance: Entrance) -> None:
    sender = Annotated[Caller, Depends(entrance.sender)]

    @routes.post("/people/{account_id}/recovery")
    async def ask(request: Request, account_id: UUID, who: sender) -> Response:
        recovery_id, now = door.parts.mint.opaque_id(), door.parts.mint.moment()
        try:
            async with door.parts.work.begin() as connection:
                await ask_recovery(connection, account_id, recovery_id=recovery_id, by=who, now=now)
        except RecoveryRefused as refused:
            return await _refused(door, request, who, refused=refused)
        return _back(request, done="asked")

    @routes.post("/people/recoveries/{recovery_id}/agreement")
    async def agree(request: Request, recovery_id: UUID, who: sender) -> Response:
        secret, now = door.parts.mint.entropy(SECRET_BYTES).hex(), door.parts.mint.moment()
        one = Agreement(recovery_id=recovery_id, secret=secret)
        try:
            async with door.parts.work.begin() as connection:
                until = await agree_recovery(connection, one, by=who, now=now)
        except RecoveryRefused as refused:
            return await _refused(door, request, who, refused=refused)
        return _given(door, request, secret, until=until)


async def _refused(
    door: PeoplesDoor, request: Request, who: Caller, *, refused: RecoveryRefused
) -> HTMLResponse:
    if refused.reason == _NOT_THERE:
        raise _nobody()
    return await _shown(door, request, who, fault=refused.reason)


async def _shown(
    door: PeoplesDoor,
    request: Request,
    who: Caller,
    *,
    done: str = "",
    fault: str = "",
    said: Mapping[str, Any] = NOTHING,
    is_late: bool = False,
) -> HTMLResponse:
    async with door.parts.work.connect() as connection:
        people = await accounts.people_of(connection, who.organisation)
        waiting = await recoveries.waiting(connection, who.organisation)
    context: dict[str, Any] = {
        "people": people,
        "waiting": [(one, voucher(who) in (one.asked_by, one.account_id)) for one in waiting],
        "roles": COLLEAGUES,
        "own": voucher(who),
        "now": door.parts.mint.moment(),
        "done": done,
        "said": said,
        "is_late": is_late,
        "fault": fault,
    }
    return door.pages.render(request, "people.html", context, status=422 if fault else 200)


def _given(door: PeoplesDoor, request: Request, secret: str, *, until: datetime) -> HTMLResponse:
    """The address is shown once and kept nowhere."""
    host = request.headers.get("host", "")
    context = {"address": f"{request.url.scheme}://{host}/join?token={secret}", "until": until}
    return door.pages.render(request, "given.html", context)


def _nobody() -> Refusal:
    return Refusal(404, "not_found", "There is nobody of your organisation")


def _back(request: Request, *, done: str) -> RedirectResponse:
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/people?done={done}", status_code=303)
