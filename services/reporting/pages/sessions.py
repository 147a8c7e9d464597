"""The page on which an organisation says that a session was held, and a data officer tells them apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import FormData

from chassis.assembly import Parts
from chassis.web import Entrance, Pages, Refusal, Typed
from contracts.callers import Caller
from contracts.intake import Organisation
from contracts.reports import ReportSession
from contracts.vocabulary import codes
from services.reporting.store import sessions
from services.reporting.use_cases.recording import Said, distinguish_session, record_sessions

#: Everybody who has an organisation may have held one.
REPORTERS: Final = ("officer", "case_owner", "focal_point", "analyst", "data_officer")
OFFICER: Final = "data_officer"
NUMBERS: Final = ("women", "men", "girls", "boys")
#: Of two sessions that look alike so many are shown at once.
ROOM: Final = 100
Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPages:
    """What the pages stand on."""

    parts: Parts
    pages: Pages
    entrance: Entrance


def add_sessions(app: FastAPI, desk: SessionPages) -> None:
    """`/held` with the form and, for data officers, the sessions that look alike."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.get("/held")
    async def show_form(request: Request, who: visitor, said: bool = False) -> HTMLResponse:
        return await _shown(desk, request, {}, who=who, said=said)

    @routes.post("/held")
    async def take_form(request: Request, who: sender) -> Response:
        answers = _answers(await request.form())
        report, faults = read_report(answers)
        if report is None or report.held_on > desk.parts.mint.moment().date():
            return await _shown(desk, request, answers, who=who, faults=faults | _future(report))
        said = Said(
            organisation=who.organisation,
            report=report,
            cause=None,
            trace=request.scope.get("siraba.hop"),
        )
        async with desk.parts.work.begin() as connection:
            await record_sessions(connection, [said], mint=desk.parts.mint)
        return await _said(desk, request)

    @routes.post("/held/{organisation}/{session_id}/apart")
    async def tell_apart(
        request: Request, organisation: Organisation, session_id: UUID, *, who: sender
    ) -> Response:
        who.require(OFFICER)
        mint = desk.parts.mint
        async with desk.parts.work.begin() as connection:
            if not await distinguish_session(connection, organisation, session_id, mint=mint):
                raise Refusal(404, "not_found", "There is no such session")
        return await _said(desk, request)

    _add_again(desk)
    app.include_router(routes)


def _add_again(desk: SessionPages) -> None:
    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        return await _shown(desk, request, _answers(typed.said), who=who, is_late=True)

    desk.entrance.shows("/held", show_again)


def _answers(form: FormData) -> dict[str, str]:
    return {name: text.strip() for name, text in form.items() if isinstance(text, str)}


def read_report(answers: Answers) -> tuple[ReportSession | None, frozenset[str]]:
    """What the form says, or the names of the fields that are wrong; an empty one says nothing."""
    place = answers.get("place", "")
    numbers = {name: answers[name] for name in NUMBERS if answers.get(name)}
    corps = {"women": "trained_women", "men": "trained_men"}
    trained = {name: answers[field] for name, field in corps.items() if answers.get(field)}
    body: dict[str, Any] = {
        "session_id": answers.get("session_id"),
        "kind": answers.get("kind"),
        "held_on": answers.get("held_on"),
        "region": place[:2],
        "cercle": place if len(place) > 2 else None,
        "language": answers.get("language"),
        "organiser": answers.get("organiser") or None,
        "participants": numbers,
        "trained": [trained | {"corps": answers.get("corps", "")}] if trained else [],
        "estimated_reach": answers.get("estimated_reach") or None,
        "calls": answers.get("calls") or None,
    }
    try:
        return ReportSession.model_validate(body), frozenset()
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        # An error of the whole is that nobody took part.
        return None, frozenset(str((*one["loc"], "participants")[0]) for one in found)


def _future(report: ReportSession | None) -> frozenset[str]:
    return frozenset() if report is None else frozenset({"held_on"})


async def _said(desk: SessionPages, request: Request) -> Response:
    await desk.parts.wake_relay()
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/held?said=true", status_code=303)


async def _shown(
    desk: SessionPages,
    request: Request,
    answers: Answers,
    *,
    who: Caller,
    faults: frozenset[str] = frozenset(),
    said: bool = False,
    is_late: bool = False,
) -> HTMLResponse:
    now = desk.parts.mint.moment()
    context = {
        "answers": answers,
        "faults": faults,
        "said": said,
        "is_late": is_late,
        "today": now.date().isoformat(),
        "session_id": answers.get("session_id") or desk.parts.mint.opaque_id(),
        "kinds": codes("session_kind"),
        "languages": codes("language"),
        "corps": codes("organisation_kind"),
        "places": {ct: [c for c in codes("cercle") if c[:2] == ct] for ct in codes("region")},
        "alike": await _alike(desk.parts.web, desk) if who.role == OFFICER else None,
    }
    return desk.pages.render(request, "sessions.html", context, status=422 if faults else 200)


async def _alike(engine: AsyncEngine, desk: SessionPages) -> Any:
    async with engine.connect() as connection:
        return await sessions.alike(connection, as_of=desk.parts.mint.moment(), room=ROOM)
