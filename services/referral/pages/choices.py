"""The page that says why a need went where it went, to whoever answers for the case."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from chassis.web import Refusal
from chassis.web.pages import language_of
from contracts.callers import Caller
from services.referral.pages.standing import DeskPages
from services.referral.use_cases.explaining import explain
from services.referral.use_cases.reading_choices import read_choice


def add_choices(app: FastAPI, desk: DeskPages) -> None:
    """`/choices/{routing_id}`; a referral's id is that of the choice it came from."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/choices/{routing_id}")
    async def show_choice(request: Request, routing_id: UUID, who: visitor) -> HTMLResponse:
        found = await read_choice(desk.parts.reads, who, routing_id)
        if found is None:
            raise Refusal(404, "not_found", "No choice of yours has this id")
        said = explain(found, language_of(request))
        return desk.pages.render(request, "choice.html", {"said": said})

    app.include_router(routes)
