"""The operators' pages: how all is, what is stuck, and a case's way; codes and numbers alone."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response

from chassis.web import Pages, Refusal, web_app
from chassis.web.refusals import answer
from deploy.embedded.processes import ServerError
from deploy.measures.endpoint import measures_router
from deploy.operations.health import add_health
from deploy.operations.letters import add_letters
from deploy.operations.notices import add_notices
from deploy.operations.standing import Watch, pages_entrance
from deploy.operations.traces import add_traces

__all__ = ["NAME", "Watch", "layout", "operations_app", "pages_entrance"]
#: Where the one address has them, and for whom passes are made.
NAME = "operations"
HERE = Path(__file__).parent


def layout() -> Pages:
    """Our templates and words, before the chassis's own."""
    return Pages(templates=[HERE / "templates"], locales=[HERE / "locale"])


def operations_app(watch: Watch, *, token: str, secure: bool) -> FastAPI:
    """All pages under `/operations`, and what Prometheus asks with this token beside them."""
    app = web_app(title="Siraba operations", prefix=f"/{NAME}", pages=watch.pages, secure=secure)
    app.add_exception_handler(ServerError, _away(watch.pages))
    app.include_router(measures_router(watch.latest, token=token))
    add_health(app, watch)
    add_letters(app, watch)
    add_notices(app, watch)
    add_traces(app, watch)
    return app


def _away(pages: Pages) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, _: Exception) -> Response:
        refusal = Refusal(503, "temporarily_unavailable", "No platform runs on this state folder")
        return answer(request, refusal, pages)

    return handle
