"""The page on which the owner of a case says that the person was given what somebody says it gave (R5)."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis import audit
from chassis.audit import Look
from chassis.web import Refusal
from contracts.callers import Caller
from services.referral.pages.standing import DeskPages
from services.referral.use_cases.confirming import (
    NotDelivered,
    NothingToConfirm,
    confirm_delivery,
    see_given,
)

#: Who answers for a case.
ROLES: Final = ("case_owner", "focal_point")


def add_confirming(app: FastAPI, desk: DeskPages) -> None:
    """`/confirmations/{referral_id}`, to which the owner's page of the case leads."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.get("/confirmations/{referral_id}")
    async def ask(request: Request, referral_id: UUID, who: visitor) -> HTMLResponse:
        return await _shown(desk, request, referral_id, who=who)

    @routes.post("/confirmations/{referral_id}")
    async def confirm(request: Request, referral_id: UUID, who: sender) -> Response:
        who.require(*ROLES)
        try:
            await _confirm(desk, request, referral_id, who=who)
        except NothingToConfirm:
            raise _nothing_there() from None
        except NotDelivered:
            return await _shown(desk, request, referral_id, who=who, status=409)
        await desk.parts.wake_relay()
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/confirmations/{referral_id}", status_code=303)

    app.include_router(routes)


async def _confirm(desk: DeskPages, request: Request, referral_id: UUID, *, who: Caller) -> None:
    async with desk.parts.work.begin() as connection:
        await confirm_delivery(
            connection,
            who,
            referral_id,
            announcer=await desk.announcer(connection),
            trace=request.scope.get("siraba.hop"),
        )


async def _shown(
    desk: DeskPages, request: Request, referral_id: UUID, *, who: Caller, status: int = 200
) -> HTMLResponse:
    who.require(*ROLES)
    async with desk.parts.work.begin() as connection:
        try:
            one = await see_given(connection, referral_id, owner=who.organisation)
        except NothingToConfirm:
            one = None
        action = "referral.asked"
        look = Look(action=action, outcome="not_found", shown=0)
        if one is not None:
            look = Look(action=action, case_id=one.case_id)
        await audit.add(connection, who, [look])
    if one is None:
        raise _nothing_there()
    return desk.pages.render(request, "confirmation.html", {"one": one}, status=status)


def _nothing_there() -> Refusal:
    """Somebody else's case and one that is not look the same."""
    return Refusal(404, "not_found", "No case of yours has such a referral")
