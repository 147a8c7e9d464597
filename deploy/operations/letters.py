"""Pages of what is stuck: dead letters by kind and one by one, with the two decisions, and what is parked."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.inbox import standing
from chassis.web import Refusal
from contracts.callers import Caller
from contracts.topology import SERVICES
from deploy.dead_letters import REASONS, Decision, Opened, decide, look_at, tables_of
from deploy.operations.standing import Watch

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Verb = Literal["retry", "discard"]


def add_letters(app: FastAPI, watch: Watch) -> None:
    """`/letters`, and one with what its forms send."""
    routes = APIRouter(include_in_schema=False)
    _add_list(routes, watch)
    _add_one(routes, watch)
    app.include_router(routes)


def _add_list(routes: APIRouter, watch: Watch) -> None:
    @routes.get("/letters", dependencies=[Depends(watch.entrance.visitor)])
    async def show_all(request: Request) -> HTMLResponse:
        dead, parked, url = [], [], watch.database_url()
        for service in SERVICES:
            async with tables_of(url, service) as connection:
                for group in await standing.dead_groups(connection):
                    dead.append((service, group, await standing.alike(connection, group)))
                parked += await standing.parked_groups(connection)
        context = {"dead": dead, "parked": parked, "now": watch.clock()}
        return watch.pages.render(request, "letters.html", context)


def _add_one(routes: APIRouter, watch: Watch) -> None:
    visitor = Annotated[Caller, Depends(watch.entrance.visitor)]
    sender = Annotated[Caller, Depends(watch.entrance.sender)]

    @routes.get("/letters/{held_by}/{letter_id}")
    async def show_one(
        request: Request, held_by: str, letter_id: Number, *, who: visitor, done: str = ""
    ) -> HTMLResponse:
        opened = await _opened(watch, held_by, letter_id, who=who)
        return _shown(watch, request, opened, service=held_by, done=done)

    @routes.post("/letters/{held_by}/{letter_id}/{verb}")
    async def take_decision(
        request: Request, held_by: str, letter_id: Number, *, verb: Verb, who: sender
    ) -> Response:
        form = await request.form()
        reason = form.get("reason")
        if not isinstance(reason, str) or reason not in REASONS[verb]:
            opened = await _opened(watch, held_by, letter_id, who=who)
            return _shown(watch, request, opened, service=held_by, lacking=verb)
        one = Decision(service=_ours(held_by), number=letter_id, verb=verb, reason=reason)
        if "confirmed" not in form:
            return watch.pages.render(request, "decide.html", {"one": one})
        if not await decide(watch.database_url(), one, by=who):
            raise _unknown()
        root = request.scope.get("root_path", "")
        place = f"{root}/letters/{held_by}/{letter_id}?done={verb}"
        return RedirectResponse(place, status_code=303)


async def _opened(watch: Watch, held_by: str, number: int, *, who: Caller) -> Opened:
    opened = await look_at(watch.database_url(), _ours(held_by), number, by=who)
    if opened is None:
        raise _unknown()
    return opened


def _shown(
    watch: Watch,
    request: Request,
    opened: Opened,
    *,
    service: str,
    done: str = "",
    lacking: str = "",
) -> HTMLResponse:
    context: dict[str, Any] = {
        "service": service,
        "one": opened.letter,
        "behind": opened.behind,
        "case_id": opened.case_id,
        "is_ours": opened.letter.stream.lower() in SERVICES,
        "reasons": REASONS,
        "now": watch.clock(),
        "done": done,
        "lacking": lacking,
    }
    return watch.pages.render(request, "letter.html", context, status=422 if lacking else 200)


def _ours(service: str) -> str:
    """Raises Refusal for what is no service of ours."""
    if service not in SERVICES:
        raise _unknown()
    return service


def _unknown() -> Refusal:
    return Refusal(404, "not_found", "There is no such dead letter, or it is decided already")
