"""The one address: hands each request to the service its path names, and keeps nothing."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import httpx
from starlette.types import Receive, Scope, Send

from chassis.telemetry.logs import fault
from contracts.form import INCIDENT_BYTES
from deploy.front_people import PASSES, with_pass

MAX_BODY_BYTES: Final = 1024 * 1024
#: What takes more, by its whole path.
LARGER_BODIES: Final = {"/intake/incidents": INCIDENT_BYTES}
_DRAINED_BYTES: Final = 16 * MAX_BODY_BYTES
_START_PAGE: Final = b"/login"
#: For whoever runs the platform, at each service's own address: small numbers point at persons.
#: And where we ourselves ask who is signed in.
_INSIDE: Final = frozenset({"metrics", "readyz", PASSES})
#: RFC 9110 §7.6.1, and what a client may not say about itself to a service behind us.
_DROPPED: Final = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer "
    b"transfer-encoding upgrade expect x-forwarded-for x-forwarded-host x-forwarded-proto forwarded "
    b"x-real-ip".split()
)

Headers = list[tuple[bytes, bytes]]
log = logging.getLogger("siraba.front")


class _BodyTooLargeError(Exception):
    pass


class _ClientGoneError(Exception):
    pass


class Front:
    """A streaming reverse proxy by path prefix; paths and query go through unchanged.

    Bodies above 1 MiB, or what their path may take, are refused with 413, a service that is away
    gives 502 and one that has not answered in time 504, as problem+json. No access log: paths hold
    ids. What is added to `services` later is served from then on.
    """

    def __init__(self, services: Mapping[str, str], transport: httpx.AsyncBaseTransport) -> None:
        self._services = services
        # A bare transport: a client would keep one caller's cookies and send them for the next.
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/healthz":
            await _respond(send, HTTPStatus.OK, b"ok\n", headers=[(b"content-type", b"text/plain")])
        elif path == "/":
            await _respond(send, HTTPStatus.FOUND, b"", headers=[(b"location", _START_PAGE)])
        elif path.rpartition("/")[2] in _INSIDE:
            await _problem(send, HTTPStatus.NOT_FOUND, "no service has this path")
        elif target := self._services.get(path.split("/")[1]):
            await self._forward(target, scope, receive=receive, send=send)
        else:
            await _problem(send, HTTPStatus.NOT_FOUND, "no service has this path")

    async def _forward(self, target: str, scope: Scope, *, receive: Receive, send: Send) -> None:
        limit = LARGER_BODIES.get(scope["path"], MAX_BODY_BYTES)
        if _announced_length(scope["headers"]) > limit:
            await _refuse_large(receive, send, limit=limit)
            return
        try:
            headers = await self._headers(target, scope)
            answer = await self._transport.handle_async_request(
                _request(target, scope, _limited(receive, limit=limit), headers=headers)
            )
        except _BodyTooLargeError:
            await _refuse_large(receive, send, limit=limit)
        except _ClientGoneError:
            return  # nobody is there to be answered, and no service failed
        except httpx.TransportError as error:
            await _say_unanswered(send, error)
        else:
            await _relay(answer, send)

    async def _headers(self, target: str, scope: Scope) -> Headers:
        """What the client sent, and who is signed in there."""
        referral = self._services.get("referral")
        if referral is None:
            return list(scope["headers"])
        # Paths may be another name of a service; its pages are the same ones.
        audience = next(name for name, url in self._services.items() if url == target)
        return await with_pass(
            list(scope["headers"]),
            audience=audience,
            referral=referral,
            transport=self._transport,
        )


def _request(
    target: str, scope: Scope, content: AsyncIterator[bytes], *, headers: Headers
) -> httpx.Request:
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    url = httpx.URL(target).copy_with(raw_path=raw_path + query)
    # Without a framing header there is no body, and adding one would change the request.
    names = {name for name, _ in headers}
    body = content if names & {b"content-length", b"transfer-encoding"} else None
    sent = [*_kept(headers), *_forwarded(scope)]
    limits = {"timeout": httpx.Timeout(60, connect=5).as_dict()}
    return httpx.Request(scope["method"], url, headers=sent, content=body, extensions=limits)


async def _limited(receive: Receive, *, limit: int) -> AsyncIterator[bytes]:
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        size += len(message.get("body", b""))
        if size > limit:
            raise _BodyTooLargeError
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _say_unanswered(send: Send, error: httpx.TransportError) -> None:
    """How it ended is logged: an address that gives 502 now and then cannot be mended otherwise."""
    log.warning("front.unanswered", extra=fault(error))
    is_late = isinstance(error, httpx.ReadTimeout)
    status = HTTPStatus.GATEWAY_TIMEOUT if is_late else HTTPStatus.BAD_GATEWAY
    await _problem(send, status, "the service does not answer")


async def _relay(answer: httpx.Response, send: Send) -> None:
    try:
        start = {"status": answer.status_code, "headers": _kept(answer.headers.raw)}
        await send({"type": "http.response.start", **start})
        async for part in answer.aiter_raw():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await answer.aclose()


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    pairs = [(name.lower(), value) for name, value in headers]
    named = {
        token.strip().lower()
        for name, value in pairs
        if name == b"connection"
        for token in value.split(b",")
    }
    return [(name, value) for name, value in pairs if name not in _DROPPED | named]


def _forwarded(scope: Scope) -> Headers:
    client = scope.get("client")
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return [
        (b"x-forwarded-for", (client[0] if client else "").encode()),
        (b"x-forwarded-proto", scope["scheme"].encode()),
        (b"x-forwarded-host", host),
    ]


def _announced_length(headers: Headers) -> int:
    value = next((value for name, value in headers if name == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0


async def _refuse_large(receive: Receive, send: Send, *, limit: int) -> None:
    # A client that still writes would see a broken connection instead of the answer.
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            await _drain(receive)
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    await _problem(send, status, f"body: at most {limit} bytes")


async def _drain(receive: Receive) -> None:
    size = 0
    while size < _DRAINED_BYTES:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _problem(send: Send, status: HTTPStatus, detail: str) -> None:
    document: dict[str, Any] = {"type": "about:blank", "title": status.phrase}
    body = json.dumps({**document, "status": int(status), "detail": detail}).encode()
    await _respond(send, status, body, headers=[(b"content-type", b"application/problem+json")])


async def _respond(send: Send, status: HTTPStatus, body: bytes, *, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"status": int(status), "headers": [*headers, length]}
    await send({"type": "http.response.start", **start})
    await send({"type": "http.response.body", "body": body})
