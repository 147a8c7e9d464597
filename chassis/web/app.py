"""Makes the FastAPI app that every service starts from."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from chassis.web.pages import HERE, Pages
from chassis.web.problems import MEDIA_TYPE, SCHEMA
from chassis.web.refusals import install_refusals
from chassis.web.shield import HideFaults, LimitBody, PackOwnPages, SecureHeaders, UnderPrefix

BODY_LIMIT = 1024 * 1024
# FastAPI's own telemetry would record exception texts and addresses; chassis.telemetry does not.
SILENT = TelemetryConfig(
    tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False
)

PROBLEM: dict[str, Any] = {
    "description": "What is wrong, by field and rule (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": SCHEMA}},
}


class Lifespan(Protocol):
    """Starts what the app needs and stops it again."""

    def __call__(self, app: FastAPI, /) -> AbstractAsyncContextManager[None]: ...


class _Static(StaticFiles):
    """Files that a browser may keep for an hour, since they change with a release only."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code < 400:
            response.headers["Cache-Control"] = "public, max-age=3600"
        return response


def packed_files(folder: Path) -> ASGIApp:
    """These files, packed for whoever asks: they are the same for everybody, and hold no secret."""
    return GZipMiddleware(_Static(directory=folder))


def web_app(
    *,
    title: str,
    summary: str | None = None,
    pages: Pages | None = None,
    prefix: str = "",
    body_limit: int = BODY_LIMIT,
    larger_bodies: Mapping[str, int] | None = None,
    secure: bool = False,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Make an app with problems, limits, security headers, the layout and its style in place.

    Args:
        pages: the service's own templates and catalogues; the layout alone when absent.
        prefix: where a front address puts the app, such as `/reporting`; paths work with and
            without it, and every link that the app writes has it.
        body_limit: bytes of a request body, beyond which the answer is 413.
        larger_bodies: the same for paths that take more, each below the prefix.
        secure: what stands before us speaks HTTPS, so browsers are told to speak nothing else.

    `/openapi.json` is served, the documentation pages are not: they load scripts from afar.
    """
    layout = pages or Pages()
    shield = _shield(layout, prefix=prefix, limit=body_limit, larger=larger_bodies or {})
    app = FastAPI(
        title=title,
        summary=summary,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=SILENT,
        middleware=[Middleware(UnderPrefix, prefix=prefix, secure=secure), *shield],
        responses={"4XX": PROBLEM},
    )
    app.mount("/static", packed_files(HERE / "static"), name="static")
    install_refusals(app, layout)
    return app


def _shield(
    pages: Pages, *, prefix: str, limit: int, larger: Mapping[str, int]
) -> list[Middleware]:
    """What stands around the app below its prefix, outermost first."""
    return [
        Middleware(SecureHeaders),
        Middleware(HideFaults, pages=pages),
        Middleware(
            LimitBody,
            limit=limit,
            larger={prefix + path: more for path, more in larger.items()},
            pages=pages,
        ),
        Middleware(PackOwnPages),
    ]
