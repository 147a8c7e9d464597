"""What each plain service is made of: a session factory, a broker, default tracing."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faststream import AckPolicy
from faststream.nats import NatsBroker
from faststream.nats.opentelemetry import NatsTelemetryMiddleware
from faststream.nats.security import NatsNKey
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from contracts.topology import inbox_prefix

Sessions = async_sessionmaker[AsyncSession]


class Nowhere(SpanExporter):
    """Costs nothing: what a real backend would cost is not held against this chain."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Forget them."""
        return SpanExportResult.SUCCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a service finds its servers, and its keys as files."""

    service: str
    port: int
    nats_url: str
    seed_file: Path
    database_url: str
    dossier_key: str
    feed_key: str


@dataclass(frozen=True, slots=True)
class Parts:
    """One service's parts."""

    settings: Settings
    engine: AsyncEngine
    sessions: Sessions
    broker: NatsBroker
    tracing: TracerProvider


def assemble(settings: Settings) -> Parts:
    """With every default that is not a trap: sampling, batch export, pool."""
    tracing = TracerProvider()
    tracing.add_span_processor(BatchSpanProcessor(Nowhere()))
    engine = create_async_engine(settings.database_url, pool_size=10)
    broker = NatsBroker(
        settings.nats_url,
        security=NatsNKey(settings.seed_file),
        inbox_prefix=inbox_prefix(settings.service),
        # The handler's return is its commit: an ack says that the effect is on disk.
        ack_policy=AckPolicy.NACK_ON_ERROR,
        middlewares=[NatsTelemetryMiddleware(tracer_provider=tracing)],
        logger=None,
    )
    return Parts(
        settings, engine, async_sessionmaker(engine, expire_on_commit=False), broker, tracing
    )


@asynccontextmanager
async def running(parts: Parts, *tasks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Broker and background tasks, as long as the app lives."""
    await parts.broker.start()
    started = [asyncio.create_task(task) for task in tasks]
    try:
        yield
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)
        await parts.broker.stop()
        await parts.engine.dispose()
