"""The page of how all is: from the numbers that Prometheus is told, and from nothing else."""

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from deploy.operations.picture import picture_of
from deploy.operations.standing import Watch


def add_health(app: FastAPI, watch: Watch) -> None:
    """`/`, the first page of an operator."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/", dependencies=[Depends(watch.entrance.visitor)])
    async def show_health(request: Request) -> HTMLResponse:
        picture = picture_of(await watch.latest.samples())
        context = {"picture": picture, "now": watch.clock()}
        return watch.pages.render(request, "health.html", context)

    app.include_router(routes)
