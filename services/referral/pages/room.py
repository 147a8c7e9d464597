"""The page on which a desk says how many of its places are free."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.audit import Look
from chassis.web import Refusal, Typed, form_key
from contracts.callers import Caller
from services.referral.pages.fields import fields
from services.referral.pages.standing import DeskPages
from services.referral.store import places
from services.referral.use_cases.counting import Count, CountRefused, count_places
from services.referral.use_cases.sending_once import Form, SentBefore, comes_first

#: As the API takes it.
MOST: Final = 10_000
DIGITS: Final = len(str(MOST))


def add_room(routes: APIRouter, desk: DeskPages) -> None:
    """`/room`: everybody of the organisation sees it, its focal point counts."""
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.get("/room")
    async def show_room(request: Request, who: visitor) -> HTMLResponse:
        return await _shown(desk, request, who=who)

    @routes.post("/room/{service}")
    async def count_room(request: Request, service: str, *, who: sender) -> Response:
        who.require("focal_point")
        given = await fields(request)
        digest = desk.entrance.digest_of(given.items())
        key = f"{form_key(given)} room {service}"
        form = Form(organisation=who.organisation, key=key, digest=digest)
        count = _read(given, service, who=who, now=desk.parts.mint.moment())
        if count is None:
            return await _shown(desk, request, who=who, faults={service: "numbers"})
        try:
            await _keep(desk, form, count)
        except SentBefore:
            return await _shown(desk, request, who=who, faults={service: "sent_before"})
        return RedirectResponse(f"{request.scope.get('root_path', '')}/room", status_code=303)

    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        return await _shown(desk, request, who=who, late=typed)

    desk.entrance.shows("/room/{service}", show_again)


def _read(given: Mapping[str, str], service: str, *, who: Caller, now: datetime) -> Count | None:
    total, free = _number(given.get("places")), _number(given.get("free"))
    if total is None or free is None or free > total:
        return None
    return Count(
        organisation=who.organisation, service=service, places=total, free=free, counted_at=now
    )


async def _keep(desk: DeskPages, form: Form, count: Count) -> None:
    """The first time that the form comes: a repeat would pass for a count of a later hour."""
    try:
        async with desk.parts.work.begin() as connection:
            if await comes_first(connection, form):
                announcer = await desk.announcer(connection)
                await count_places(connection, count, announcer=announcer, cause=None)
    except CountRefused:
        raise Refusal(404, "not_found", "The organisation offers no such service") from None
    await desk.parts.wake_relay()


async def _shown(
    desk: DeskPages,
    request: Request,
    *,
    who: Caller,
    faults: Mapping[str, str] | None = None,
    late: Typed | None = None,
) -> HTMLResponse:
    counted = await desk.parts.reads.audited_read(
        who,
        lambda connection: places.of_organisation(connection, who.organisation),
        lambda found: Look(action="places", shown=len(found)),
    )
    async with desk.parts.work.connect() as connection:
        services = (await desk.announcer(connection)).services_of(who.organisation)
    context = {
        "services": sorted(services),
        "counted": {one.service: one for one in counted},
        "now": desk.parts.mint.moment(),
        "faults": faults or {},
        "late": late,
        "key": desk.parts.mint.message_id(),
    }
    status = 200 if not faults else 409 if "sent_before" in faults.values() else 422
    return desk.pages.render(request, "room.html", context, status=status)


def _number(text: str | None) -> int | None:
    """A whole number of places, or nothing that counts."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > DIGITS:
        return None
    return int(text) if int(text) <= MOST else None
