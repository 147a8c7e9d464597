"""The address that Prometheus scrapes: for whoever holds the operators' token, and nobody else."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy.embedded.processes import ServerError
from deploy.measures.samples import Sample, written

#: Whoever asks more often gets the same numbers: no scraper can put a load on the tables.
FRESH_SECONDS: Final = 5.0
Gather = Callable[[], Awaitable[list[Sample]]]


class _Latest:
    """The numbers of the last round, made anew when they are old; one round at a time."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather
        self._turn = asyncio.Lock()
        self._at = float("-inf")
        self._text = b""

    async def text(self) -> bytes:
        async with self._turn:
            if monotonic() - self._at >= FRESH_SECONDS:
                self._text = written(await self._gather())
                self._at = monotonic()
            return self._text


def measures_app(gather: Gather, *, token: str) -> Starlette:
    """`/metrics` with `Authorization: Bearer <token>`, else 401, 503 while nothing runs; `/healthz` for anybody."""
    latest = _Latest(gather)
    wanted = f"Bearer {token}".encode()

    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, wanted):
            return PlainTextResponse("a token is needed\n", 401, {"www-authenticate": "Bearer"})
        try:
            text = await latest.text()
        except ServerError:
            return PlainTextResponse("no platform runs on this state folder\n", 503)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz)])
