"""The form without a line: its empty pages, what makes it an app, and what it sends, sealed, later."""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from chassis.web import LANGUAGES, Refusal, Violation, check_origin, packed_files
from chassis.web.keeping import Keeper
from chassis.web.pages import HERE as SHARED
from chassis.web.pages import LIVE, VISIT
from contracts.callers import Caller
from services.intake import domain
from services.intake.pages.answers import Answers, first_fault, submission
from services.intake.pages.filling import FAULTS, Filling, FormDesk, show_screen, to_submit
from services.intake.pages.questions import RECIPIENTS, REVIEW, STEPS
from services.intake.vault import LeaseKeys, LeaseOver, NotSealed

HERE: Final = Path(__file__).parent / "static"
FILES: Final = "/offline/static"
#: What a browser keeps for the time without a line: the same for everybody, and empty.
_PAGES: Final = ("/offline", "/offline/form")
_SHARED: Final = ("siraba.css", "band.svg", "mark.svg")
_WHY: Final = {
    "future": "The day on which the person was found is still to come",
    "sent_before": "This form was already sent, with other answers",
    "erased": "The case that this form registered was erased",
}


class Kept(BaseModel):
    """What a browser seals. key: of the form, made when it was opened; whose: of `Keeper.whose`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: UUID
    whose: str
    answers: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class OfflineDesk:
    """What the form without a line stands on: the one with a line, and the keys to seal to.

    keeper: says of what a browser kept whose it is.
    """

    form: FormDesk
    leases: LeaseKeys
    keeper: Keeper


def add_offline(app: FastAPI, desk: OfflineDesk) -> None:
    """`/offline` and its form, open and empty; `/offline/leases|cases|again`; worker and manifest."""
    routes = APIRouter(include_in_schema=False)
    _add_shells(routes, desk)
    _add_app(routes)
    _add_lease(routes, desk)
    _add_sending(routes, desk)
    app.include_router(routes)
    app.mount(FILES, packed_files(HERE), name="offline")


def _add_shells(routes: APIRouter, desk: OfflineDesk) -> None:
    questions = [question for step in STEPS for question in step.questions]

    @routes.get("/offline")
    async def show_kept(request: Request) -> HTMLResponse:
        context = {"questions": questions}
        return desk.form.pages.render(request, "offline.html", context, live=True)

    @routes.get("/offline/form")
    async def show_form(request: Request) -> HTMLResponse:
        context = {
            "steps": STEPS[:-1],
            "recipients": RECIPIENTS,
            "filling": Filling(key=UUID(int=0), answers=Answers({})),
            "faults": {},
            "today": "",
        }
        return desk.form.pages.render(request, "offline_form.html", context, live=True)


def _add_app(routes: APIRouter) -> None:
    @routes.get("/worker.js")
    async def show_worker(request: Request) -> Response:
        # What the worker may run and ask for is said by its own answer, as a page's is.
        request.scope[LIVE] = True
        return Response(_worker(_root(request)), media_type="text/javascript")

    @routes.get("/app.webmanifest")
    async def show_manifest(request: Request) -> Response:
        root = _root(request)
        icon = {"src": f"{root}/static/mark.svg", "sizes": "any", "type": "image/svg+xml"}
        manifest = {
            "name": "Siraba",
            "short_name": "Siraba",
            "id": "/",
            "start_url": f"{root}/offline",
            "scope": "/",
            "display": "standalone",
            "background_color": "#faf6ee",
            "theme_color": "#20335f",
            "icons": [icon],
        }
        return Response(json.dumps(manifest), media_type="application/manifest+json")


def _worker(root: str) -> str:
    """The worker, told what to keep; it is a new one, and keeps all anew, when any of our words is."""
    shells = [f"{root}{page}?lang={language}" for page in _PAGES for language in LANGUAGES]
    files = sorted(file.name for file in HERE.glob("*.js") if file.name != "worker.js")
    kept = [
        *shells,
        *(f"{root}{FILES}/{name}" for name in files),
        *(f"{root}/static/{name}" for name in _SHARED),
    ]
    told = {"root": root, "kept": kept, "version": _version()}
    return f"const told = {json.dumps(told)};\n{(HERE / 'worker.js').read_text('utf-8')}"


@cache
def _version() -> str:
    """Of all that the kept pages are made of."""
    found = sha256()
    folders = (HERE.parent, SHARED)
    made_of = [file for folder in folders for file in folder.rglob("*") if file.suffix != ".pyc"]
    for file in sorted(file for file in made_of if file.is_file()):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def _add_lease(routes: APIRouter, desk: OfflineDesk) -> None:
    visitor = Annotated[Caller, Depends(desk.form.entrance.visitor)]

    @routes.post("/offline/leases")
    async def lease(request: Request, who: visitor) -> JSONResponse:
        # The page is everybody's, so that it knows no word of this session before this answer.
        check_origin(request)
        found = desk.leases.lease(desk.form.parts.mint.moment())
        return JSONResponse(
            {
                "form": request.scope[VISIT].form,
                "whose": desk.keeper.whose(who),
                "name": found.name,
                "key": found.key,
                "ends_at": found.ends_at.isoformat(),
            }
        )


def _add_sending(routes: APIRouter, desk: OfflineDesk) -> None:
    sender = Annotated[Caller, Depends(desk.form.entrance.sender)]

    @routes.post("/offline/cases")
    async def take(request: Request, who: sender) -> JSONResponse:
        filling = await _opened(desk, request, who)
        number = await _registered(desk.form, request, filling, who=who)
        return JSONResponse({"case_number": number}, status_code=202)

    @routes.post("/offline/again")
    async def go_on(request: Request, who: sender) -> HTMLResponse:
        filling = await _opened(desk, request, who)
        lacking = first_fault(filling.answers, today=desk.form.parts.mint.moment().date())
        step = lacking[0] if lacking else REVIEW
        return show_screen(desk.form, request, filling, step=step)


async def _opened(desk: OfflineDesk, request: Request, who: Caller) -> Filling:
    """Raises Refusal: somebody else's and what is not sealed look the same."""
    sealed = (await request.form()).get("sealed")
    try:
        text = desk.leases.open_lease(str(sealed), at=desk.form.parts.mint.moment())
        kept = Kept.model_validate_json(text)
    except LeaseOver:
        raise Refusal(410, "lease_over", "Its time is over: nobody can read it any more") from None
    except (NotSealed, ValidationError):
        raise _not_yours() from None
    if kept.whose != desk.keeper.whose(who):
        raise _not_yours()
    return Filling(key=kept.key, answers=Answers.read(kept.answers))


def _not_yours() -> Refusal:
    return Refusal(422, "not_kept", "Nothing was kept for this person")


async def _registered(desk: FormDesk, request: Request, filling: Filling, *, who: Caller) -> str:
    """The case number, the same again for the same form. Raises Refusal, by field and rule."""
    lacking = first_fault(filling.answers, today=desk.parts.mint.moment().date())
    if lacking:
        errors = [Violation(field=name, rule=rule) for name, rule in lacking[1].items()]
        raise Refusal(422, "invalid_request", "The form lacks something", errors=errors)
    case = submission(filling.answers)
    if case is None:
        raise Refusal(422, "refused", "The answers do not fit together")
    try:
        submitted = to_submit(request, case, key=filling.key, who=who)
        return (await desk.register(submitted)).case_number
    except domain.Refused as refused:
        code, status = FAULTS[type(refused)]
        raise Refusal(status, code, _WHY[code]) from None


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
