"""A service's moving parts, started and stopped together; each service's app names what it needs."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_bytes
from time import time, time_ns
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import Sampler
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.audit import Auditor, Reads
from chassis.broker import Wire, open_wire
from chassis.conservation import LawKeeper
from chassis.database import BY_INDEX, open_engine
from chassis.ending import end
from chassis.evidence import RootKeeper, Tell
from chassis.health import Health
from chassis.inbox import Consumer
from chassis.inbox.sweep import Sweep
from chassis.relay import Relay, Stamper
from chassis.settings import ServiceSettings
from chassis.telemetry import SpanTable, Tracing, start_tracing
from chassis.telemetry.export import otlp_processors
from chassis.telemetry.logs import fault
from chassis.telemetry.metrics import Metrics, start_metrics
from chassis.telemetry.sampling import RushSampler
from chassis.trust import DirectoryKeys, PlatformKeys, SigningKey, Trust
from contracts.identifiers import Mint
from contracts.topology import poke_subject

log = logging.getLogger("siraba")


def end_process() -> None:
    """Ask for a clean stop; whoever supervises starts us anew."""
    os.kill(os.getpid(), signal.SIGTERM)


@dataclass(slots=True, kw_only=True)
class Parts:
    """What use cases and edges stand on; nothing runs until `running` is entered.

    trust: whom consumers of our own streams believe; trust_of_partners: whom those of INBOX believe;
    secure: people reach us by HTTPS.
    """

    service: str
    web: AsyncEngine
    work: AsyncEngine
    wire: Wire
    tracing: Tracing
    spans: SpanTable
    metrics: Metrics
    keys: PlatformKeys
    trust: Trust
    trust_of_partners: Trust
    mint: Mint
    relay: Relay
    on_failure: Callable[[], None]
    reads: Reads
    secure: bool = False
    consumers: list[Consumer] = field(default_factory=list)
    jobs: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)

    async def wake_relay(self) -> None:
        """Poke whichever process leads; called after a commit that filled the outbox."""
        if self.relay.leading:
            self.relay.wake()
        else:
            await self.wire.poke(poke_subject(self.service))

    @property
    def health(self) -> Health:
        """Readiness over all parts."""
        return Health(
            engine=self.work,
            wire=self.wire,
            consumers=self.consumers,
            on_stall=self.on_failure,
        )

    @property
    def law(self) -> LawKeeper:
        """The auditor of what this service sends and takes."""
        return LawKeeper(
            engine=self.work, wire=self.wire, readers=self.consumers, metrics=self.metrics
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Consumers, relay, sweeps, watchdog, auditor, jobs, span writer, stopped in reverse order."""
        health = self.health
        for consumer in self.consumers:
            consumer.subscribe()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.web.dispose)
            stack.push_async_callback(self.work.dispose)
            await stack.enter_async_context(self._task(self.spans.run()))
            stack.callback(self.tracing.close)
            stack.callback(self.metrics.close)
            await self.wire.start()
            stack.push_async_callback(self.wire.stop)
            always = (self.relay.run(), health.watch(), self.law.run())
            for work in (*always, *self._jobs(), *self._sweeps()):
                await stack.enter_async_context(self._task(work))
            yield

    def keep_roots(self, told: Tell, *, witnesses: Sequence[str]) -> None:
        """Make a signed root each day, and tell the witnesses of it in the event that `told` makes."""
        signer = SigningKey(self.keys, self.service).signer
        keeper = RootKeeper(
            service=self.service,
            engine=self.work,
            signer=signer,
            mint=self.mint,
            message=told,
            witnesses=witnesses,
        )
        self.jobs.append(keeper.run)

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        return [job() for job in self.jobs]

    def _sweeps(self) -> list[Coroutine[Any, Any, None]]:
        sweeps = [Sweep(consumer) for consumer in self.consumers]
        return [*(one.run() for one in sweeps), *(one.bury() for one in sweeps)]

    @asynccontextmanager
    async def _task(self, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """A task that must not end by itself: if it does, so does the process."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        try:
            yield
        finally:
            await end(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("task.ended", extra=fault(error))
            self.on_failure()


#: Makes the parts of a service: `assemble`, or what a control puts in its place.
Assembly = Callable[..., Parts]


def assemble(
    service: str,
    settings: ServiceSettings,
    *,
    source: str,
    processors: Sequence[SpanProcessor] = (),
    sampler: Sampler | None = None,
    on_failure: Callable[[], None] = end_process,
) -> Parts:
    """The parts of one service by its settings. processors: more places for spans to go to."""
    work, web = _engines(service, settings)
    spans = SpanTable(work)
    tracing = start_tracing(
        service,
        sampler=sampler or RushSampler(time),
        processors=(spans, *otlp_processors(settings.otlp_endpoint), *processors),
    )
    seed_file = settings.nats_seed_file
    wire = open_wire(service, settings.nats, seed_file=seed_file, on_lost=on_failure)
    keys = PlatformKeys(settings.secrets_dir)
    keys.look()
    stamper = Stamper(source, token_bytes, SigningKey(keys, service).signer)
    return Parts(
        service=service,
        web=web,
        work=work,
        wire=wire,
        tracing=tracing,
        spans=spans,
        metrics=start_metrics(service),
        keys=keys,
        trust=Trust("event", keys),
        trust_of_partners=Trust("request", DirectoryKeys(work)),
        mint=Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes),
        relay=Relay(service=service, engine=work, wire=wire, stamper=stamper, tracing=tracing),
        on_failure=on_failure,
        reads=Reads(web, Auditor(work)),
        secure=settings.secure_cookies,
    )


def _engines(service: str, settings: ServiceSettings) -> tuple[AsyncEngine, AsyncEngine]:
    """The working role's and the web role's."""
    work, web = (
        open_engine(
            url.get_secret_value(),
            schema=service,
            pool_size=settings.pool_size,
            planner=planner,
            answers=True,
        )
        for url, planner in (
            (settings.database_url_work, BY_INDEX),
            (settings.database_url_web, None),
        )
    )
    return work, web
