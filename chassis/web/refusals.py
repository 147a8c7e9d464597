"""Answers whatever an endpoint raises: JSON problems for programs, a plain page for people."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chassis.web.pages import Pages
from chassis.web.problems import Late, Refusal, plain_refusal, role_refusal, rules_broken
from chassis.web.violations import known_names, violations
from contracts.callers import CAUSES, RoleForbidden, TokenRefused

#: What somebody asked for that was not theirs, or without being anybody: operators see it.
WATCHED = frozenset({401, 403, 404})
#: Where in a request's scope the door says whom it let in.
CALLER = "siraba.organisation"
log = logging.getLogger("siraba.web")


def install_refusals(app: FastAPI, pages: Pages) -> None:
    """Give the app one answer for each kind of refusal."""
    known = Known(app)
    makers: dict[type[Exception], Callable[[Request, Any], Refusal]] = {
        Refusal: lambda _, refusal: refusal,
        RequestValidationError: partial(_of_validation, known),
        HTTPException: lambda _, error: plain_refusal(error.status_code, error.headers),
        TokenRefused: lambda _, error: _of_token(error),
        RoleForbidden: lambda _, error: role_refusal(*error.allowed),
    }
    for kind, make in makers.items():
        app.add_exception_handler(kind, _handler(pages, make))
    app.add_exception_handler(Late, partial(_kept, pages))


async def _kept(pages: Pages, request: Request, late: Any) -> Response:
    """Browsers alone send what is kept, so that the answer is a page to all."""
    context = {"kept": late.kept, "is_in": late.is_in}
    return pages.render(request, "late.html", context, status=403 if late.is_in else 401)


def _handler(
    pages: Pages, make: Callable[[Request, Any], Refusal]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        refusal = make(request, error)
        if refusal.status in WATCHED:
            known = {"organisation": who} if (who := request.scope.get(CALLER)) else {}
            log.info("web.refused", extra={"reason": refusal.code} | known)
        return answer(request, refusal, pages)

    return handle


def answer(request: Request, refusal: Refusal, pages: Pages) -> Response:
    """Answer as a page when the client asks for HTML first, as problem+json otherwise."""
    if not request.headers.get("accept", "").startswith("text/html"):
        return refusal.answer()
    template = "door.html" if refusal.status == HTTPStatus.UNAUTHORIZED else "problem.html"
    roles = [
        one
        for error in refusal.errors
        if error["field"] == "role"
        for one in error.get("allowed", ())
    ]
    context = {"status": refusal.status, "roles": roles}
    page = pages.render(request, template, context, status=refusal.status)
    page.headers.update(refusal.headers or {})
    return page


class Known:
    """The names of the app's own schema, read once, when the first bad request comes."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._names: frozenset[str] | None = None

    def names(self) -> frozenset[str]:
        if self._names is None:
            self._names = frozenset(known_names(self._app.openapi()))
        return self._names


def _of_validation(known: Known, request: Request, error: RequestValidationError) -> Refusal:
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        broken = violations([{"type": "json_invalid", "loc": ("body",)}], ())
        return Refusal(400, "malformed_json", "The body is not JSON", errors=broken)
    if any(item["loc"] == ("body",) for item in found) and _sends_something_else(request):
        return Refusal(415, "unsupported_media_type", "Send the body as application/json")
    return rules_broken(*violations(found, known.names()))


def _sends_something_else(request: Request) -> bool:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    is_json = content_type == "application/json" or content_type.endswith("+json")
    return length != "0" and bool(length or content_type) and not is_json


def _of_token(error: TokenRefused) -> Refusal:
    return Refusal(401, error.code, CAUSES[error.code], headers={"WWW-Authenticate": "Bearer"})
