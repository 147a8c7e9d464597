"""The page of notices: what waits for a person, who was told of it, and what no gateway carries away."""

import asyncio

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from chassis.notify import spooled
from deploy.dead_letters import tables_of
from deploy.notices import NEWEST, UNPLACED
from deploy.operations.standing import Watch


def add_notices(app: FastAPI, watch: Watch) -> None:
    """`/notices`; addresses of those on duty stay at the command line of the server."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/notices", dependencies=[Depends(watch.entrance.visitor)])
    async def show_notices(request: Request) -> HTMLResponse:
        async with tables_of(watch.database_url(), "referral") as connection:
            waiting = (await connection.execute(UNPLACED)).all()
            told = (await connection.execute(NEWEST)).all()
        kept = await asyncio.to_thread(spooled, watch.spool)
        context = {"waiting": waiting, "told": told, "kept": kept, "now": watch.clock()}
        return watch.pages.render(request, "notices.html", context)

    app.include_router(routes)
