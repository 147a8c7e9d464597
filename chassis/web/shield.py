"""What stands around every app: its prefix, security headers, a limit on bodies, no fault's detail."""

import logging
from collections.abc import Mapping

from fastapi import Request
from fastapi.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.database import is_outage
from chassis.telemetry.logs import fault
from chassis.web.pages import LIVE, Pages
from chassis.web.problems import Refusal, plain_refusal
from chassis.web.refusals import answer

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: Of a page that keeps itself up to date: no other may run a script or ask for anything by itself.
LIVE_POLICY = f"{POLICY}; script-src 'self'; connect-src 'self'; manifest-src 'self'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# As they go out; made once, since every answer carries them.
_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_RAW_LIVE = [
    (name, LIVE_POLICY.encode() if name == b"content-security-policy" else value)
    for name, value in _RAW
]
_OURS = {name for name, _ in _RAW}
#: All but pages: files are packed already or have a tag of their bytes, and events are never held back.
NOT_PACKED = (
    "application/*", "audio/*", "font/*", "image/*", "video/*",
    "text/css", "text/csv", "text/event-stream", "text/javascript", "text/plain",
)  # fmt: skip
TOO_LARGE = 413
log = logging.getLogger("siraba.web")


class UnderPrefix:
    """Tells the app the prefix it lives under, whether the front address strips it or not.

    secure: and that people reach it by HTTPS, whatever its own line is.
    """

    def __init__(self, app: ASGIApp, *, prefix: str, secure: bool = False) -> None:
        self._app = app
        self._prefix = prefix
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._prefix and scope["type"] in ("http", "websocket"):
            path = scope["path"]
            has_it = path == self._prefix or path.startswith(self._prefix + "/")
            # In place, not in a copy: who stands outside reads the matched route from here.
            scope["path"] = path if has_it else self._prefix + path
            scope["root_path"] = self._prefix
        if self._secure and scope["type"] == "http":
            scope["scheme"] = "https"
        await self._app(scope, receive, send)


class SecureHeaders:
    """Puts the security headers on every answer; nothing is stored by a browser unless it says so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [header for header in message.get("headers", ()) if header[0] not in _OURS]
                if all(name != b"cache-control" for name, _ in kept):
                    kept.append((b"cache-control", b"no-store"))
                if scope.get("scheme") == "https":
                    kept.append(
                        (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
                    )
                message["headers"] = [*kept, *(_RAW_LIVE if scope.get(LIVE) else _RAW)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class PackOwnPages:
    """Packs a page that a page of ours asks for; what another site may have asked for is never packed.

    The length of a packed page tells whoever can choose a part of it what else is in it (BREACH).
    Every browser says where a request comes from (Fetch Metadata), and no page can say otherwise.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packing = GZipMiddleware(app, exclude_content_types=NOT_PACKED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_own = (b"sec-fetch-site", b"same-origin") in scope.get("headers", ())
        await (self._packing if is_own else self._app)(scope, receive, send)


class HideFaults:
    """Answers an unexpected error with a bare 500, and logs where it was, not what it said.

    An exception's text may hold what somebody sent (a constraint's DETAIL, a parser's excerpt), and
    a server prints the text of whatever escapes an app; so nothing escapes.
    """

    def __init__(self, app: ASGIApp, *, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def watched_send(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            return  # its line broke: no fault of ours, and nobody is there to be told
        except Exception as error:  # noqa: BLE001 -- the last line of defence is for all of them
            log.error("request.failed", extra=fault(error))
            if has_started:
                raise ConnectionAbortedError from None  # cuts the answer short, and says no more
            refusal = _away() if is_outage(error) else _fault()
            response = answer(Request(scope), refusal, self._pages)
            await response(scope, receive, send)


def _fault() -> Refusal:
    return Refusal(500, "internal_error", "Something went wrong on our side")


def _away() -> Refusal:
    return Refusal(
        503,
        "temporarily_unavailable",
        "We cannot store anything right now; nothing was taken",
        detail="Send the same request again with the same Idempotency-Key.",
        headers={"Retry-After": "2"},
    )


class LimitBody:
    """Refuses a body over the limit with 413, by its declared length or, without one, as it comes.

    larger: the limit of a path, prefix included, that takes more than the others.
    """

    def __init__(
        self, app: ASGIApp, *, limit: int, pages: Pages, larger: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger or {}
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._limit)
        declared = next((v for name, v in scope["headers"] if name == b"content-length"), b"0")
        if not declared.isdigit() or int(declared) > limit:
            status = TOO_LARGE if declared.isdigit() else 400
            response = answer(Request(scope), plain_refusal(status), self._pages)
            await response(scope, receive, send)
            return
        total = 0

        async def counted_receive() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > limit:
                raise HTTPException(TOO_LARGE)  # which FastAPI's own handlers answer
            return message

        await self._app(scope, counted_receive, send)
