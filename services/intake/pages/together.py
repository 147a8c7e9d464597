"""The page for many persons who were found at once, and the one that shows how far they are."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from chassis.audit import Look
from chassis.web import Refusal, Typed, form_key
from contracts.callers import Caller
from contracts.form import PersonSubmission
from services.intake import domain
from services.intake.pages.answers import Faults
from services.intake.pages.company import MOST, ROWS, Company
from services.intake.pages.filling import FAULTS, FormDesk
from services.intake.pages.questions import EACH, NEAR, TOGETHER
from services.intake.store import incidents
from services.intake.use_cases.gathering import Gathered, Opened, look_at_incident

Gather = Callable[[Gathered], Awaitable[Opened]]
#: Of the incidents before this one.
SHOWN: Final = 10
_ROWS_ASKED: Final = {str(n): n for n in range(ROWS, MOST + 1, ROWS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherDesk:
    """What the pages stand on. gather: the same as the API's."""

    form: FormDesk
    gather: Gather


def add_together(app: FastAPI, desk: TogetherDesk) -> None:
    """`/together`, and `/together/{incident_id}` with who is registered and who waits."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(desk.form.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.form.entrance.sender)]

    @routes.get("/together")
    async def begin(request: Request, who: visitor) -> HTMLResponse:
        mint = desk.form.parts.mint
        today = [("detected_on", mint.moment().date().isoformat())]
        lately = await desk.form.parts.reads.audited_read(
            who, incidents.own_incidents, lambda found: Look(action="incidents", shown=len(found))
        )
        company = Company.read(today, rows=ROWS)
        return _page(desk, request, company, key=mint.message_id(), lately=lately[:SHOWN])

    @routes.post("/together")
    async def go_on(request: Request, who: sender) -> Response:
        form = await request.form()
        key, company = form_key(form), _company(form)
        if form.get("go") != "send":
            return _page(desk, request, company, key=key)
        return await _sent(desk, request, company, key=key, who=who)

    @routes.get("/together/{incident_id}")
    async def show_progress(request: Request, incident_id: UUID, who: visitor) -> HTMLResponse:
        found = await look_at_incident(desk.form.parts.reads, who, incident_id)
        if found is None:
            raise Refusal(404, "not_found", "There is no such incident of your organisation")
        return desk.form.pages.render(request, "together_of.html", {"incident": found})

    async def show_again(request: Request, _: Caller, typed: Typed) -> HTMLResponse:
        return _page(desk, request, _company(typed.said), key=form_key(typed.said))

    desk.form.entrance.shows("/together", show_again)
    app.include_router(routes)


async def _sent(
    desk: TogetherDesk, request: Request, company: Company, *, key: UUID, who: Caller
) -> Response:
    """A second sending of the same leads where the first one did."""
    if faults := company.faults(desk.form.parts.mint.moment().date()):
        return _page(desk, request, company, key=key, faults=faults)
    persons = company.persons()
    if persons is None:
        return _page(desk, request, company, key=key, faults={0: {"form": "refused"}})
    gathered = _gathered(request, company, persons=persons, key=key, who=who)
    try:
        opened = await desk.gather(gathered)
    except domain.Refused as refused:
        rule, status = FAULTS[type(refused)]
        faults = {0: {"form": rule}}
        return _page(desk, request, company, key=key, faults=faults, status=status)
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/together/{opened.incident_id}", status_code=303)


def _gathered(
    request: Request,
    company: Company,
    *,
    persons: Mapping[int, PersonSubmission],
    key: UUID,
    who: Caller,
) -> Gathered:
    """As the use case takes it; the same answers under the same key are the same incident."""
    first = next(iter(persons.values()))
    text = "\n".join(f"{nth} {one.model_dump_json()}" for nth, one in persons.items())
    return Gathered(
        organisation=who.organisation,
        key=str(key),
        digest=sha256(text.encode()).digest(),
        detected_on=first.detected_on,
        region=company.shared.one("region"),
        cercle=company.shared.one("cercle") or None,
        persons=persons,
        refused={},
        trace=request.scope.get("siraba.hop"),
    )


def _company(form: FormData) -> Company:
    """Raises Refusal for a number of rows that no page of ours has."""
    rows = _ROWS_ASKED.get(str(form.get("rows")))
    if rows is None:
        raise Refusal(422, "invalid_request", "The form has no such number of rows")
    more = ROWS if form.get("go") == "more" else 0
    return Company.read(form.multi_items(), rows=min(rows + more, MOST))


def _page(
    desk: TogetherDesk,
    request: Request,
    company: Company,
    *,
    key: UUID,
    faults: Mapping[int, Faults] | None = None,
    status: int = 422,
    lately: object = (),
) -> HTMLResponse:
    """The page with what was written so far. status: of one with faults."""
    context = {
        "step": TOGETHER,
        "each": EACH,
        "near": sorted(NEAR),
        "most": MOST,
        "company": company,
        "key": key,
        "filling": {"answers": company.shared},
        "by_row": faults or {},
        "faults": (faults or {}).get(0, {}),
        "lately": lately,
        "today": desk.form.parts.mint.moment().date().isoformat(),
    }
    return desk.form.pages.render(
        request, "together.html", context, status=status if faults else 200
    )
