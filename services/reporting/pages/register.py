"""The register of publications: what is out and its files, and the form by which more comes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import FormData

from chassis.web import Entrance, Pages, Refusal, Typed, committee_alone
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.reporting.domain import BadWindow
from services.reporting.domain.edition import Audience, Edition, read_edition, year_asked
from services.reporting.exports.answering import file_answer
from services.reporting.store import publications
from services.reporting.store.publications import Asked
from services.reporting.use_cases.boarding import FIRST_YEAR
from services.reporting.use_cases.recalling import hold_latest, open_file
from services.reporting.use_cases.requesting import DECIDES, may_decide, request_publication

Number = Annotated[int, Path(ge=1, le=2**31)]
A_DAY: Final = timedelta(days=1)
#: Whoever signed in longer ago does so again before anything comes out for ever.
FRESH: Final = timedelta(minutes=30)
#: Editions that one page shows.
ROOM: Final = 20
#: How long a refusal is shown.
REMEMBERED: Final = timedelta(days=7)
AUDIENCES: Final[Mapping[str, Audience]] = {"public": "public", "internal": "internal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPages:
    """What the pages stand on. wake: tells the publisher."""

    web: AsyncEngine
    work: AsyncEngine
    mint: Mint
    pages: Pages
    entrance: Entrance
    wake: Callable[[], None]


def add_register(app: FastAPI, desk: RegisterPages) -> None:
    """`/register` with what is out and its files, `/register/new` with the form, which it sends."""
    routes = APIRouter(include_in_schema=False)
    _add_reading(routes, desk)
    _add_publishing(routes, desk)
    app.include_router(routes)


def _add_reading(routes: APIRouter, desk: RegisterPages) -> None:
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/register")
    async def show_register(request: Request, who: visitor, asked: bool = False) -> HTMLResponse:
        since = desk.mint.moment() - REMEMBERED
        async with desk.web.connect() as connection:
            held = await hold_latest(connection, who=who, room=ROOM)
            decides = await may_decide(connection, who)
            open_ones = await publications.not_out(connection, since=since) if decides else []
        context = {
            "held": [(one, one.out.end_day - A_DAY) for one in held],
            "decides": decides,
            "waiting": [(one, _edition(one)) for one in open_ones],
            "asked": asked,
        }
        return desk.pages.render(request, "register.html", context)

    @routes.get("/register/{edition}/{language}/{name}")
    async def give_file(
        request: Request, edition: Number, language: str, *, name: str, who: visitor
    ) -> Response:
        async with desk.web.connect() as connection:
            file = await open_file(connection, edition, language=language, name=name, who=who)
        if file is None:
            raise Refusal(404, "no_such_edition", "There is no such edition or file")
        return file_answer(request, file, name=name)


def _add_publishing(routes: APIRouter, desk: RegisterPages) -> None:
    fresh = replace(
        desk.entrance, sessions=replace(desk.entrance.sessions, life=FRESH), roles=DECIDES
    )
    visitor = Annotated[Caller, Depends(fresh.visitor)]
    sender = Annotated[Caller, Depends(fresh.sender)]

    @routes.get("/register/new")
    async def show_form(request: Request, who: visitor) -> HTMLResponse:
        async with desk.web.connect() as connection:
            if not await may_decide(connection, who):
                raise committee_alone()
        return _form(desk, request, {})

    @routes.post("/register")
    async def take_form(request: Request, who: sender) -> Response:
        answers = _answers(await request.form())
        now = desk.mint.moment()
        edition = _read(answers, now=now)
        async with desk.work.begin() as connection:
            if not await may_decide(connection, who):
                raise committee_alone()
            if edition is None:
                return _form(desk, request, answers, status=422)
            publication_id = desk.mint.opaque_id()
            await request_publication(
                connection, edition, by=who, publication_id=publication_id, now=now
            )
        desk.wake()
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/register?asked=true", status_code=303)

    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        async with desk.web.connect() as connection:
            if not await may_decide(connection, who):
                raise committee_alone()
        return _form(desk, request, _answers(typed.said), is_late=True)

    fresh.shows("/register", show_again)


def _answers(form: FormData) -> dict[str, str]:
    return {name: text for name, text in form.items() if isinstance(text, str)}


def _read(answers: Mapping[str, str], *, now: datetime) -> Edition | None:
    """What the form asks for; None where it is nothing that it offers."""
    year, audience = answers.get("year", ""), answers.get("audience", "")
    if audience not in AUDIENCES or not (year.isascii() and year.isdigit() and len(year) == 4):
        return None
    if int(year) < FIRST_YEAR:
        return None
    try:
        return year_asked(int(year), None, audience=AUDIENCES[audience], now=now)
    except BadWindow:
        return None


def _form(
    desk: RegisterPages,
    request: Request,
    answers: Mapping[str, str],
    *,
    status: int = 200,
    is_late: bool = False,
) -> HTMLResponse:
    this_year = desk.mint.moment().year
    context = {
        "years": range(this_year, FIRST_YEAR - 1, -1),
        "this_year": this_year,
        "chosen": answers.get("year", str(this_year - 1)),
        "audience": answers.get("audience", "public"),
        "fault": status != 200,
        "is_late": is_late,
    }
    return desk.pages.render(request, "publish.html", context, status=status)


def _edition(asked: Asked) -> Edition:
    edition = read_edition(asked.name)
    assert edition is not None  # noqa: S101 - only what is an edition is asked for
    return edition
