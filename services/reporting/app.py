"""Assembles reporting: settings, parts, consumers, routes, page; nothing happens at import."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor

from chassis.assembly import Assembly, Parts, assemble
from chassis.database import open_engine
from chassis.serving import entrance, serve
from chassis.trust import PlatformKeys, SigningKey
from chassis.web import Entrance, Pages, add_api
from contracts.reporting import SOURCE
from services.reporting import api, pages
from services.reporting.consumers import consumers
from services.reporting.pages.boards import add_boards
from services.reporting.pages.register import RegisterPages, add_register
from services.reporting.pages.sessions import REPORTERS, SessionPages, add_sessions
from services.reporting.publisher import POOL, Publisher
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
    add_api(app, api.router(web=parts.web, key_of=door.key_of, mint=parts.mint))
    desk = api.SessionDesk(
        work=parts.work, key_of=door.key_of, mint=parts.mint, wake=parts.wake_relay
    )
    add_api(app, api.session_router(desk))
    pages.add_pages(app, layout, web=parts.web, entrance=door)
    kept = Boards(engine=parts.web, clock=parts.mint.moment)
    add_api(app, api.boards.router(kept, key_of=door.key_of, mint=parts.mint))
    add_boards(app, layout, boards=kept, entrance=door)
    _add_publishing(app, parts, door, publisher=_publisher(parts, settings), layout=layout)
    everybody = replace(door, roles=REPORTERS)
    everybody.add_again(app)
    add_sessions(app, SessionPages(parts=parts, pages=layout, entrance=everybody))
    return app


def _add_publishing(
    app: FastAPI, parts: Parts, door: Entrance, *, publisher: Publisher, layout: Pages
) -> None:
    """By programs and from a page; both only ask, the publisher draws."""
    parts.jobs.append(publisher.run)
    desk = api.PublicationDesk(
        work=parts.work, key_of=door.key_of, mint=parts.mint, wake=publisher.wake
    )
    add_api(app, api.publication_router(desk))
    register = RegisterPages(
        web=parts.web,
        work=parts.work,
        mint=parts.mint,
        pages=layout,
        entrance=door,
        wake=publisher.wake,
    )
    add_register(app, register)


def _publisher(parts: Parts, settings: ReportingSettings) -> Publisher:
    """Its engine and its keys are its own, since it works in a thread of its own."""
    keys = PlatformKeys(settings.secrets_dir)
    signing = SigningKey(keys=keys, owner="reporting")
    url = settings.database_url_work.get_secret_value()
    return Publisher(
        engine=parts.work,
        # Without the working role's hints: it reads whole tables.
        open_engine=partial(open_engine, url, schema="reporting", pool_size=POOL),
        sign=lambda content: signing.signer().sign(content, kind="report"),
        mint=parts.mint,
        wake_relay=parts.wake_relay,
    )
