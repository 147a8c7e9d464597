"""Sends a request once more where its connection ended unanswered, if twice is as good as once."""

from collections.abc import AsyncIterator
from typing import Final

import httpx

#: RFC 9110 §9.2.1: these change nothing.
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY: Final = "Idempotency-Key"
#: A service closes a connection that was idle, or ends, just as the request goes out on it.
_UNANSWERED: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class OnceMore(httpx.AsyncBaseTransport):
    """Another transport, which is asked twice at most.

    Only what changes nothing, or what its caller has given a key, may come a second time: from here
    nobody can tell whether the service had the first one.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Its answer. Raises httpx.TransportError."""
        if request.method not in _SAFE and _KEY not in request.headers:
            return await self._transport.handle_async_request(request)
        body = _Kept(request)
        try:
            return await self._transport.handle_async_request(_with(request, body))
        except _UNANSWERED:
            return await self._transport.handle_async_request(_with(request, body))


class _Kept(httpx.AsyncByteStream):
    """What a client sends, kept until it is answered."""

    def __init__(self, request: httpx.Request) -> None:
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101 - all of ours are
        self._source = aiter(request.stream)
        self._parts: list[bytes] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in tuple(self._parts):
            yield part
        async for part in self._source:
            self._parts.append(part)
            yield part


def _with(request: httpx.Request, body: _Kept) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=body,
        extensions=request.extensions,
    )
