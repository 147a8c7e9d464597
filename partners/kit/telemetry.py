"""Spans for a partner's own observability, where it has installed OpenTelemetry and set it up.

Each message handed out is one `process` span, below the platform's own span of the trace that this
organisation was given; what it sends meanwhile hangs below that. One that is handed out again begins a
trace of its own, linked to the first: a replay is not a part of what was once done. Ids and names only: no span holds
anything of a body. Without the package, or with nothing set up, all of this does nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from contracts.envelope import HOP, Envelope

try:
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:  # the extra `telemetry` brings it
    _IS_INSTALLED = False
else:
    _IS_INSTALLED = True

SCOPE = "siraba.partner"
#: In the context: the trace in which the message at hand is processed.
_TRACE = "siraba.partner.trace"


@contextmanager
def processing(envelope: Envelope, *, hop: str | None, feed: str, again: bool) -> Iterator[None]:
    """The span of one message, from when it is handed out until the program asks for the next.

    feed: the durable's name. An error marks the span by its type alone: its text may hold what
    must not be shown.
    """
    if not _IS_INSTALLED:
        yield
        return
    above = TraceContextTextMapPropagator().extract({HOP: hop or ""}, context.Context())
    first = trace.get_current_span(above).get_span_context()
    span = trace.get_tracer(SCOPE).start_span(
        f"process {feed}",
        context=context.Context() if again else above,
        links=[trace.Link(first)] if again and first.is_valid else [],
        kind=trace.SpanKind.CONSUMER,
        attributes={
            "messaging.system": "nats",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": feed,
            "messaging.message.id": str(envelope.id),
            "cloudevents.event_type": envelope.type,
        },
    )
    here = context.set_value(_TRACE, span.get_span_context().trace_id)
    token, is_ours = context.attach(trace.set_span_in_context(span, here)), True
    try:
        yield
    except GeneratorExit:  # in whatever task collects the garbage, which has another context
        is_ours = False
        raise
    except Exception as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        span.end()
        if is_ours:
            context.detach(token)


def hop_of_answer(received: str | None) -> str | None:
    """The `traceparent` of an answer to a message with this one.

    The span that is current, where it is of the trace in which the message is processed: what else the
    program traces is its own affair and nothing for the platform.
    """
    if received is None or not _IS_INSTALLED:
        return received
    current = trace.get_current_span().get_span_context()
    if not current.is_valid or current.trace_id != context.get_value(_TRACE):
        return received
    here: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(here)
    return here[HOP]
