"""Spans with the names of the messaging conventions, and hops that survive the outbox."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

SCOPE = "siraba"
# Lower case and nothing else: Python's int() would also read signs, spaces and underscores.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
#: How the hop of a trace that nobody keeps ends.
UNSAMPLED = "-00"
Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Hop:
    """A W3C traceparent: where a span hangs. `flags` bit 0 says that the trace is kept."""

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    @lru_cache(maxsize=4096)  # what one message causes hangs below one hop
    def parse(cls, header: str | None) -> Self | None:
        """The hop a header names, or None: a stranger's malformed header starts a new trace."""
        found = TRACEPARENT.fullmatch(header or "")
        if found is None or int(found[1], 16) == 0 or int(found[2], 16) == 0:
            return None
        return cls(found[1], found[2], sampled=bool(int(found[3], 16) & 1))

    @classmethod
    def of(cls, span: Span) -> Self:
        """The hop to hand on so that what follows hangs below this span."""
        context = span.get_span_context()
        return cls(
            f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled
        )

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def context(self, *, remote: bool = True) -> SpanContext:
        """The same in OpenTelemetry's terms."""
        return SpanContext(
            int(self.trace_id, 16),
            int(self.span_id, 16),
            is_remote=remote,
            trace_flags=TraceFlags(TraceFlags.SAMPLED if self.sampled else 0),
        )


@dataclass(frozen=True, slots=True)
class Tracing:
    """One service's tracer, and the way to record a span whose id was fixed beforehand."""

    provider: TracerProvider
    processors: tuple[SpanProcessor, ...]
    tracer: Tracer

    def start(
        self,
        name: str,
        *,
        kind: SpanKind,
        below: Hop | None,
        attributes: Attributes,
        links: Sequence[Hop] = (),
    ) -> Span:
        """Open a span below a hop, or at the root of a new trace; the caller ends it."""
        context = set_span_in_context(NonRecordingSpan(below.context())) if below else None
        return self.tracer.start_span(
            name,
            context,
            kind=kind,
            attributes=attributes,
            links=[Link(link.context()) for link in links],
        )

    def record(
        self,
        name: str,
        *,
        at: Hop,
        below: Hop | None,
        links: Sequence[Hop] = (),
        attributes: Attributes,
        times: tuple[int, int],
    ) -> None:
        """Report a finished producer span under the id its message already carries.

        times: start and end in nanoseconds since 1970. Used by the relay, whose span id is
        committed with the exact bytes before they are sent and so outlives a crash.
        """
        if not at.sampled:
            return
        span = ReadableSpan(
            name,
            context=at.context(remote=False),
            parent=below.context() if below and below.trace_id == at.trace_id else None,
            resource=self.provider.resource,
            attributes=attributes,
            links=[Link(link.context()) for link in links],
            kind=SpanKind.PRODUCER,
            instrumentation_scope=InstrumentationScope(SCOPE),
            status=Status(StatusCode.UNSET),
            start_time=times[0],
            end_time=times[1],
        )
        for processor in self.processors:
            processor.on_end(span)

    def close(self) -> None:
        """Flush and stop the processors."""
        self.provider.shutdown()


def start_tracing(
    service: str, *, sampler: Sampler, processors: Sequence[SpanProcessor]
) -> Tracing:
    """A tracer provider of its own for each service; nothing global is touched."""
    provider = TracerProvider(
        sampler=ParentBased(sampler),
        resource=Resource({"service.name": f"siraba-{service}"}),
        shutdown_on_exit=False,
    )
    for processor in processors:
        provider.add_span_processor(processor)
    return Tracing(provider, tuple(processors), provider.get_tracer(SCOPE))


def end_failed(span: Span, error: BaseException) -> None:
    """Mark a span failed by the error's class; its text may hold data and stays out."""
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))
    span.end()


Clock = Callable[[], int]
