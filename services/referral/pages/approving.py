"""The committee's pages on keys that were handed in: compared, countersigned elsewhere, approved or refused."""

from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.database import reading_as
from chassis.directory_keys import load_keys
from chassis.web import Entrance, Refusal, committee_alone
from contracts.callers import Caller
from contracts.handed_over import HandedOver
from services.referral.pages.directory import FRESH, Code, grouped, reason
from services.referral.pages.door import PeoplesDoor
from services.referral.pages.fields import fields
from services.referral.pages.handing_in import lines_of, read_file, read_form, read_sent
from services.referral.store import handed_keys
from services.referral.store.handed_keys import WAITING, Handed
from services.referral.use_cases.approving import Judged, NothingWaits, refuse_keys, vouch
from services.referral.use_cases.handing_in import HandingRefused, progress, progress_of
from services.referral.use_cases.sending_once import SentBefore
from services.referral.use_cases.suspending import KEEPERS, may_keep

_NONE: Final = UUID(int=0)
#: Somebody was quicker, so that the page is shown as it is now.
_PASSED: Final = ("changed", "sent")


def add_approving(app: FastAPI, door: PeoplesDoor) -> None:
    """`/keys/waiting`, one page for each organisation below it, and the file to be countersigned."""
    routes = APIRouter(include_in_schema=False)
    sessions = replace(door.entrance.sessions, life=FRESH)
    fresh = replace(door.entrance, sessions=sessions, roles=KEEPERS)
    _add_looking(routes, door, fresh)
    _add_judging(routes, door, fresh)
    app.include_router(routes)


def _add_looking(routes: APIRouter, door: PeoplesDoor, fresh: Entrance) -> None:
    visitor = Annotated[Caller, Depends(fresh.visitor)]

    @routes.get("/keys/waiting")
    async def show_waiting(request: Request, who: visitor) -> HTMLResponse:
        async with reading_as(door.parts.web, who.organisation) as connection:
            if not await may_keep(connection, who):
                raise committee_alone()
            keys, now = await load_keys(connection), door.parts.mint.moment()
            found = [
                progress(one, [key for key in keys if key.owner == one.organisation], now=now)
                for one in await handed_keys.all_open(connection)
            ]
        context = {"found": [one for one in found if one.waits]}
        return door.pages.render(request, "keys_waiting.html", context)

    @routes.get("/keys/waiting/{code}")
    async def show_one(request: Request, code: Code, who: visitor) -> HTMLResponse:
        return await _shown(door, request, code, who=who)

    @routes.get("/keys/waiting/{code}/document")
    async def hand_out(code: Code, who: visitor) -> Response:
        document = (await _found(door, code, who)).document
        headers = {"Content-Disposition": f'attachment; filename="{code}.public.json"'}
        return Response(document.write(), media_type="application/json", headers=headers)


def _add_judging(routes: APIRouter, door: PeoplesDoor, fresh: Entrance) -> None:
    sender = Annotated[Caller, Depends(fresh.sender)]

    @routes.post("/keys/waiting/{code}")
    async def approve(request: Request, code: Code, who: sender) -> Response:
        content = await read_file(request)
        await _found(door, code, who, hides=True)
        sent = await read_sent(door, request, content, about=f"vouch {code}", who=who)
        if sent.document is None:
            return await _shown(door, request, code, who=who, fault=sent.fault)
        judged = Judged(form=sent.form, code=code, on=await _on(request))
        return await _done(door, request, judged, who=who, countersigned=sent.document)

    @routes.post("/keys/waiting/{code}/refusal")
    async def refuse(request: Request, code: Code, who: sender) -> Response:
        await _found(door, code, who, hides=True)
        why = reason(await fields(request))
        form = await read_form(door, request, {}, about=f"refuse {code}", who=who)
        if why is None:
            return await _shown(door, request, code, who=who, fault="why")
        judged = Judged(form=form, code=code, on=await _on(request))
        return await _done(door, request, judged, who=who, why=why)


async def _done(
    door: PeoplesDoor,
    request: Request,
    judged: Judged,
    *,
    who: Caller,
    countersigned: HandedOver | None = None,
    why: str = "",
) -> Response:
    """Approved with this file, or refused; or the page that says why neither."""
    try:
        async with door.parts.work.begin() as connection:
            if countersigned is None:
                await refuse_keys(connection, judged, why=why, by=who)
            else:
                await vouch(connection, judged, countersigned, by=who, mint=door.parts.mint)
    except NothingWaits:
        raise _nothing() from None
    except HandingRefused as refused:
        return await _shown(door, request, judged.code, who=who, fault=refused.reason)
    except SentBefore:
        return await _shown(door, request, judged.code, who=who, fault="sent")
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/keys/waiting/{judged.code}?done=1", status_code=303)


async def _on(request: Request) -> UUID:
    """The set of keys that the form was about; what names none fits none."""
    try:
        return UUID((await fields(request)).get("on", ""))
    except ValueError:
        return _NONE


async def _found(door: PeoplesDoor, code: str, who: Caller, *, hides: bool = False) -> Handed:
    """What was handed in last. hides: whoever may not look hears that there is nothing. Raises Refusal."""
    async with reading_as(door.parts.web, who.organisation) as connection:
        if not await may_keep(connection, who):
            raise _nothing() if hides else committee_alone()
        found = await handed_keys.newest(connection, code)
    if found is None:
        raise _nothing()
    return found


async def _shown(
    door: PeoplesDoor, request: Request, code: str, *, who: Caller, fault: str = ""
) -> HTMLResponse:
    handed = await _found(door, code, who)
    async with reading_as(door.parts.web, who.organisation) as connection:
        one = await progress_of(connection, handed, now=door.parts.mint.moment())
    context: dict[str, Any] = {
        "one": one,
        "handed": lines_of(handed.document.keys),
        "officers": [grouped(id) for id in handed.document.officers],
        "vouched_by": grouped(one.vouched_by) if one.vouched_by else "",
        "can_judge": handed.state == WAITING and one.waits,
        "can_refuse": one.waits,
        "key": door.parts.mint.message_id(),
        "done": request.query_params.get("done") == "1",
        "fault": fault,
    }
    status = 200 if not fault else 409 if fault in _PASSED else 422
    return door.pages.render(request, "keys_judged.html", context, status=status)


def _nothing() -> Refusal:
    return Refusal(404, "no_such_keys", "No keys of such an organisation wait")
