"""Alive and ready, said honestly: readiness asks for the lag, not only for a ping."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.broker import Wire
from chassis.inbox import Consumer
from chassis.telemetry.logs import fault

# Long enough for a restart of the broker, short enough that a stuck relay shows.
OLDEST_UNSENT_SECONDS = 5.0
STALLED_SECONDS = 30.0
WATCH_SECONDS = 5.0

_OLDEST = text("""
    select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)
    from outbox where sent_at is null and erased_at is null
""")
_BEAT = text("""
    insert into heartbeat (at) values (clock_timestamp())
    on conflict (single) do update set at = excluded.at
""")
# What is free inside old pages would hide a full disk for long: an empty table has none.
_MAKE_ROOM = text("create temporary table if not exists room (n int) on commit delete rows")
_FILL_ROOM = text("insert into room select generate_series(1, 4000)")
log = logging.getLogger("siraba.health")


@dataclass(slots=True, kw_only=True)
class Health:
    """What one service answers at `/readyz`, and the watchdog over its consumers."""

    engine: AsyncEngine
    wire: Wire
    consumers: Sequence[Consumer]
    on_stall: Callable[[], None]
    _stalled_since: dict[str, float] = field(default_factory=dict)

    async def report(self) -> dict[str, Any]:
        """{"ready": bool, "checks": {name: {"ok": bool, …numbers}}}; no check waits over 2 s."""
        names = ["postgres", "nats", "outbox", *(consumer.name for consumer in self.consumers)]
        checks = await asyncio.gather(
            _within(self._postgres),
            _within(self._nats),
            _within(self._outbox),
            *(_within(lambda c=c: self._consumer(c)) for c in self.consumers),  # type: ignore[misc]  # a default binds the loop variable
        )
        return {
            "ready": all(check["ok"] for check in checks),
            "checks": dict(zip(names, checks, strict=True)),
        }

    async def _postgres(self) -> dict[str, Any]:
        """A full disk still answers questions, so only a write tells."""
        async with self.engine.begin() as connection:
            await connection.execute(_BEAT)
            await connection.execute(_MAKE_ROOM)
            await connection.execute(_FILL_ROOM)
        return {"ok": True}

    async def _nats(self) -> dict[str, Any]:
        return {"ok": self.wire.is_connected}

    async def _outbox(self) -> dict[str, Any]:
        async with self.engine.connect() as connection:
            age = float((await connection.execute(_OLDEST)).scalar_one())
        return {"ok": age < OLDEST_UNSENT_SECONDS, "oldest_unsent_seconds": round(age, 1)}

    async def _consumer(self, consumer: Consumer) -> dict[str, Any]:
        info = await self._info(consumer)
        if info is None:
            return {"ok": False, "missing": True}
        return {
            "ok": consumer.name not in self._stalled_since,
            "pending": info.num_pending or 0,
            "unacked": info.num_ack_pending or 0,
        }

    async def _info(self, consumer: Consumer) -> ConsumerInfo | None:
        jetstream = self.wire.jetstream
        try:
            info: ConsumerInfo = await jetstream.consumer_info(consumer.stream, consumer.name)
            return info
        except NotFoundError:
            return None

    async def watch(self) -> None:
        """A pull lost at a broker's crash looks like quiet; end the process, which starts anew."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for consumer in self.consumers:
                try:
                    self._judge(consumer, await self._info(consumer))
                except Exception as error:  # noqa: BLE001 - a watchdog outlives what it watches
                    log.warning("health.unknown", extra=fault(error))

    def _judge(self, consumer: Consumer, info: ConsumerInfo | None) -> None:
        now = monotonic()
        quiet = info is None or not info.num_pending
        if quiet or now - consumer.progressed_at < WATCH_SECONDS:
            self._stalled_since.pop(consumer.name, None)
            return
        since = self._stalled_since.setdefault(consumer.name, now)
        if now - since >= STALLED_SECONDS:
            log.error("health.consumer_stalled", extra={"consumer": consumer.name})
            self.on_stall()


async def _within(check: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(2):
            return await check()
    except Exception as error:  # noqa: BLE001 - whatever fails, the answer is "not ready"
        return {"ok": False, "error": type(error).__name__}


def probes(health: Health) -> APIRouter:
    """`/healthz`: the loop turns. `/readyz`: 200 when everything it needs works, else 503."""
    router = APIRouter(tags=["probes"])

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        report = await health.report()
        return JSONResponse(report, 200 if report["ready"] else 503)

    return router
