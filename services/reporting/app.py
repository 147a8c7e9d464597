"""Assembles reporting: settings, parts, consumers, routes, page; nothing happens at import."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor

from chassis.assembly import Assembly, assemble
from chassis.serving import entrance, serve
from contracts.reporting import SOURCE
from services.reporting import api, pages
from services.reporting.consumers import consumers
from services.reporting.pages.boards import add_boards
from services.reporting.pages.sessions import REPORTERS, SessionPages, add_sessions
from services.reporting.settings import ReportingSettings
from services.reporting.use_cases.boarding import Boards


def create_app(
    settings: ReportingSettings | None = None,
    *,
    processors: Sequence[SpanProcessor] = (),
    assembly: Assembly = assemble,
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or ReportingSettings()
    parts = assembly("reporting", settings, source=SOURCE, processors=processors)
    parts.consumers += consumers(parts)
    layout = pages.layout()
    app = serve(parts, pages=layout)
    door = entrance(parts, settings, roles=pages.ROLES)
    app.include_router(api.router(web=parts.web, key_of=door.key_of, mint=parts.mint))
    desk = api.SessionDesk(
        work=parts.work, key_of=door.key_of, mint=parts.mint, wake=parts.wake_relay
    )
    app.include_router(api.session_router(desk))
    pages.add_pages(app, layout, web=parts.web, entrance=door)
    kept = Boards(engine=parts.web, clock=parts.mint.moment)
    app.include_router(api.boards.router(kept, key_of=door.key_of, mint=parts.mint))
    add_boards(app, layout, boards=kept, entrance=door)
    everybody = replace(door, roles=REPORTERS)
    add_sessions(app, SessionPages(parts=parts, pages=layout, entrance=everybody))
    return app
