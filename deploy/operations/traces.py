"""The page of a case's way: asked by number or id, drawn as a waterfall that a telephone can show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from contracts.callers import Caller
from deploy.operations.standing import Watch
from deploy.tracing import UnknownCase, Way, collect, find_case
from deploy.tracing.picture import folded

#: Of a hundred, so that the shortest step can be seen.
LEAST: float = 0.6
#: Steps further below than this stand at the same place: a telephone has no more room.
DEEPEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One step, and who read what it sent, in how many milliseconds. left and width: of its bar, in hundredths of the whole way; start: in seconds."""

    name: str
    organisation: str
    heard_by: tuple[tuple[str, float], ...]
    service: str
    depth: int
    start: float
    milliseconds: float
    left: float
    width: float
    has_failed: bool


def add_traces(app: FastAPI, watch: Watch) -> None:
    """`/trace` where one asks, and the way of one case below it."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(watch.entrance.visitor)]

    @routes.get("/trace", dependencies=[Depends(watch.entrance.visitor)])
    async def show_question(request: Request) -> HTMLResponse:
        return watch.pages.render(request, "trace.html", {"fault": False})

    @routes.post("/trace", dependencies=[Depends(watch.entrance.sender)])
    async def ask_for_case(request: Request) -> Response:
        """By form, since a case's number is in no address."""
        given = (await request.form()).get("named")
        named = given.strip() if isinstance(given, str) else ""
        try:
            case_id = await find_case(watch.database_url(), named)
        except UnknownCase:
            return watch.pages.render(request, "trace.html", {"fault": True}, status=422)
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/trace/{case_id}", status_code=303)

    @routes.get("/trace/{traced}")
    async def show_way(request: Request, traced: UUID, who: visitor) -> HTMLResponse:
        _, way = await collect(watch.database_url(), str(traced), by=who)
        context = {
            "case_id": traced,
            "steps": list(drawn(way)),
            "services": len({step.service for step in way.steps}),
            "seconds": way.span[1] if way.steps else 0,
            "begin": way.span[0] if way.steps else None,
            "remarks": way.remarks,
        }
        return watch.pages.render(request, "way.html", context)

    app.include_router(routes)


def drawn(way: Way) -> Iterator[Drawn]:
    """The way's steps on one scale, causes before effects."""
    if not way.steps:
        return
    begin, whole = way.span
    for line in folded(way):
        start = (line.step.started_at - begin).total_seconds()
        width = max(LEAST, 100 * line.step.milliseconds / 1000 / whole)
        yield Drawn(
            name=line.step.name,
            organisation=line.step.organisation or "",
            heard_by=tuple((one.service, one.milliseconds) for one in line.heard_by),
            service=line.step.service,
            depth=min(line.depth, DEEPEST),
            start=start,
            milliseconds=line.step.milliseconds,
            left=min(100 * start / whole, 100 - LEAST),
            width=width,
            has_failed=line.step.failed,
        )
