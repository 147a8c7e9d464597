"""The desk of an organisation that has only a browser: what is referred to it, and its answers."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.web import Refusal, Typed
from contracts.callers import Caller
from contracts.vocabulary import codes
from services.referral.domain.lifecycle import STEPS
from services.referral.domain.proceedings import REPORTERS
from services.referral.pages.fields import fields
from services.referral.pages.room import add_room
from services.referral.pages.standing import DeskPages
from services.referral.use_cases.desk_work import (
    an_answer_of,
    answer_by_hand,
    due,
    list_desk,
    open_referral,
)

ROLES: Final = ("officer", "case_owner", "focal_point")
#: What a reason may be, for the answers that need one.
REASONS: Final = {"decline": "decline_reason", "fail": "failure_reason"}
#: The session was over when the form came.
LATE: Final = "late"


def add_desk(app: FastAPI, desk: DeskPages) -> None:
    """`/` with what waits, `/desk/{id}` with one of them and its answers."""
    routes = APIRouter(include_in_schema=False)
    _add_reading(routes, desk)
    _add_answering(routes, desk)
    _add_answering_again(desk)
    add_room(routes, desk)
    app.include_router(routes)


def _add_reading(routes: APIRouter, desk: DeskPages) -> None:
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/")
    async def show_desk(request: Request, who: visitor) -> HTMLResponse:
        async with desk.parts.work.begin() as connection:
            listed = await list_desk(connection, who=who)
        context = {"listed": listed, "due": due, "now": desk.parts.mint.moment()}
        return desk.pages.render(request, "desk.html", context)

    @routes.get("/desk/{referral_id}")
    async def show_referral(request: Request, referral_id: UUID, who: visitor) -> HTMLResponse:
        return await _shown(desk, request, referral_id, who=who)


def _add_answering(routes: APIRouter, desk: DeskPages) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/desk/{referral_id}/{verb}")
    async def answer(request: Request, referral_id: UUID, verb: str, *, who: sender) -> Response:
        if verb not in STEPS:
            raise _nothing_there()
        reason = (await fields(request)).get("reason")
        if verb in REASONS and reason not in codes(REASONS[verb]):
            return await _shown(desk, request, referral_id, who=who, fault="reason")
        said = an_answer_of(
            who,
            referral_id,
            verb=verb,
            reason=reason if verb in REASONS else None,
            request_id=desk.parts.mint.message_id(),
            trace=request.scope.get("siraba.hop"),
        )
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            answered = await answer_by_hand(connection, said, who=who, announcer=announcer)
        await desk.parts.wake_relay()
        if answered.case_id is None:
            raise _nothing_there()
        if answered.refused:
            return await _shown(desk, request, referral_id, who=who, fault=answered.refused)
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/desk/{referral_id}", status_code=303)


def _add_answering_again(desk: DeskPages) -> None:
    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        reason = str(typed.said.get("reason", ""))
        referral_id = typed.at["referral_id"]
        return await _shown(desk, request, referral_id, who=who, fault=LATE, reason=reason)

    for verb in REASONS:
        desk.entrance.shows(f"/desk/{{referral_id:uuid}}/{verb}", show_again)


async def _shown(
    desk: DeskPages,
    request: Request,
    referral_id: UUID,
    *,
    who: Caller,
    fault: str | None = None,
    reason: str = "",
) -> HTMLResponse:
    async with desk.parts.work.begin() as connection:
        opened = await open_referral(connection, referral_id, who=who)
        kind = (await desk.announcer(connection)).kind_of(who.organisation)
    if opened is None:
        raise _nothing_there()
    context = {
        "opened": opened,
        "due": due,
        "now": desk.parts.mint.moment(),
        "fault": fault,
        "reason": reason,
        "keeps_files": kind in REPORTERS["proceeding.report"],
        "reasons": {verb: codes(name) for verb, name in REASONS.items()},
    }
    status = {None: 200, LATE: 200, "reason": 422}.get(fault, 409)
    return desk.pages.render(request, "referral.html", context, status=status)


def _nothing_there() -> Refusal:
    """Somebody else's referral and one that is not look the same."""
    return Refusal(404, "not_found", "There is no such referral to your organisation")
