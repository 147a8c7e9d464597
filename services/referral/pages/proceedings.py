"""The page on which the police and justice say how far a file is in which a person has her part."""

import json
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from chassis.web import Refusal, form_key
from contracts.callers import Caller
from contracts.reports import ReportProceeding
from contracts.vocabulary import codes
from services.referral.domain.proceedings import Standing
from services.referral.pages.fields import fields
from services.referral.pages.standing import DeskPages
from services.referral.use_cases.filing_by_hand import (
    ACTION,
    FileForm,
    NoFileHere,
    file_by_hand,
    nothing_of,
    see_files,
)
from services.referral.use_cases.following_files import Impossible
from services.referral.use_cases.sending_once import SentBefore

#: Only who speaks for the organisation.
REPORTER: Final = "focal_point"
#: The name for a file that is not there yet: it is called by the page's own key.
NEW: Final = "new"
LISTS: Final = {"state": "proceeding_state", "offence_class": "offence_class", "court": "court"}
Faults = Mapping[str, str]


def add_proceedings(app: FastAPI, desk: DeskPages) -> None:
    """`/proceedings/{referral_id}`, to which the desk and the owner's page of a case lead."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.get("/proceedings/{referral_id}")
    async def show_files(request: Request, referral_id: UUID, who: visitor) -> HTMLResponse:
        return await _shown(desk, request, referral_id, who=who)

    @routes.post("/proceedings/{referral_id}")
    async def take_step(request: Request, referral_id: UUID, who: sender) -> Response:
        who.require(REPORTER)
        said = await fields(request)
        try:
            form = _form(desk, request, referral_id, who=who, said=said)
        except Refusal:
            await _files(desk, who, referral_id)
            raise
        report, faults = read_step(form, said)
        if report is not None and report.on > desk.parts.mint.moment().date():
            faults = {"on": "future"}
        if report is not None and not faults:
            faults = await _take(desk, form, report)
        if not faults:
            here = f"{request.scope.get('root_path', '')}/proceedings/{referral_id}"
            return RedirectResponse(f"{here}?done=1", status_code=303)
        return await _shown(desk, request, referral_id, who=who, said=said, faults=faults)

    app.include_router(routes)


def read_step(form: FileForm, said: Mapping[str, str]) -> tuple[ReportProceeding | None, Faults]:
    """What the form says, or by field what is wrong with it: `needed`, or `wrong`."""
    names = ("state", "on", "offence_class", "court", "next_hearing_on", "is_civil_party")
    given = {name: text for name in names if (text := said.get(name, "").strip())}
    file = said.get("proceeding_id")
    given["proceeding_id"] = str(form.key) if file == NEW else file or ""
    given["referral_id"] = str(form.referral_id)
    try:
        return ReportProceeding.model_validate_json(json.dumps(given)), {}
    except ValidationError as wrong:
        names_wrong = {str(error["loc"][0]) for error in wrong.errors()}
        return None, {name: "wrong" if given.get(name) else "needed" for name in names_wrong}


async def _take(desk: DeskPages, form: FileForm, report: ReportProceeding) -> Faults:
    try:
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            await file_by_hand(connection, form, report, announcer=announcer)
    except NoFileHere:
        await desk.parts.reads.auditor.record(form.who, nothing_of(ACTION))
        raise _nothing_there() from None
    except (SentBefore, Impossible) as why:
        await desk.parts.reads.auditor.record(form.who, nothing_of(ACTION, "refused"))
        return {why.field: "wrong"} if isinstance(why, Impossible) else {"": "sent_before"}
    await desk.parts.wake_relay()
    return {}


async def _files(desk: DeskPages, who: Caller, referral_id: UUID) -> Mapping[UUID, Standing]:
    try:
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            return await see_files(connection, who, referral_id, announcer=announcer)
    except NoFileHere:
        await desk.parts.reads.auditor.record(who, nothing_of("proceedings"))
        raise _nothing_there() from None


async def _shown(
    desk: DeskPages,
    request: Request,
    referral_id: UUID,
    *,
    who: Caller,
    said: Mapping[str, str] | None = None,
    faults: Faults | None = None,
) -> HTMLResponse:
    files = await _files(desk, who, referral_id)
    context = {
        "referral_id": referral_id,
        "files": files,
        "said": said or {},
        "faults": faults or {},
        "codes": {name: codes(one) for name, one in LISTS.items()},
        "key": desk.parts.mint.message_id(),
        "today": desk.parts.mint.moment().date().isoformat(),
        "new": NEW,
        "done": request.query_params.get("done") == "1",
    }
    status = 200 if not faults else 409 if "" in faults else 422
    return desk.pages.render(request, "proceedings.html", context, status=status)


def _form(
    desk: DeskPages, request: Request, referral_id: UUID, *, who: Caller, said: Mapping[str, str]
) -> FileForm:
    """Raises Refusal without the key that came with the page."""
    key = form_key(said)
    digest = desk.entrance.digest_of(said.items())
    hop = request.scope.get("siraba.hop")
    return FileForm(who=who, referral_id=referral_id, key=key, digest=digest, trace=hop)


def _nothing_there() -> Refusal:
    """Somebody else's case, one that is not, and an organisation without files look the same."""
    return Refusal(404, "not_found", "There is no such referral to your organisation")
