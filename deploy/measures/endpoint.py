"""The address that Prometheus scrapes: for whoever holds the operators' token, and nobody else."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from deploy.embedded.processes import ServerError
from deploy.measures.samples import Sample, written

#: Whoever asks more often gets the same numbers: no scraper can put a load on the tables.
FRESH_SECONDS: Final = 5.0
Gather = Callable[[], Awaitable[list[Sample]]]


class Latest:
    """The numbers of the last round, made anew when they are old; one round at a time."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather
        self._turn = asyncio.Lock()
        self._at = float("-inf")
        self._samples: list[Sample] = []

    async def samples(self) -> list[Sample]:
        """Raises ServerError while nothing runs."""
        async with self._turn:
            if monotonic() - self._at >= FRESH_SECONDS:
                self._samples = await self._gather()
                self._at = monotonic()
            return self._samples


def measures_router(latest: Latest, *, token: str) -> APIRouter:
    """`/metrics` with `Authorization: Bearer <token>`, else 401, 503 while nothing runs; `/healthz` for anybody."""
    router = APIRouter(include_in_schema=False)
    wanted = f"Bearer {token}".encode()

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, wanted):
            return PlainTextResponse("a token is needed\n", 401, {"www-authenticate": "Bearer"})
        try:
            samples = await latest.samples()
        except ServerError:
            return PlainTextResponse("no platform runs on this state folder\n", 503)
        return Response(written(samples), media_type=CONTENT_TYPE_LATEST)

    @router.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    return router
