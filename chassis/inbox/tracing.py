"""The span of a batch and one span for each of its messages, which hangs below its own hop."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from opentelemetry.trace import SpanKind

from chassis.inbox.received import Received
from chassis.telemetry import Hop, Tracing
from chassis.telemetry.spans import end_failed
from contracts.envelope import HOP


@asynccontextmanager
async def processing(
    tracing: Tracing, *, consumer: str, stream: str, messages: Sequence[Received]
) -> AsyncIterator[list[Received]]:
    """The messages with their open spans; all end together, since their effect is one."""
    opened = [_open(tracing, one, consumer=consumer, stream=stream) for one in messages]
    spans = [one.span for one in opened if one.span is not None]
    try:
        yield opened
    except BaseException as error:
        for span in spans:
            end_failed(span, error)
        raise
    for span in spans:
        span.end()


def _open(tracing: Tracing, one: Received, *, consumer: str, stream: str) -> Received:
    hop = Hop.parse(one.raw.headers.get(HOP))
    if hop is not None and not hop.sampled:
        one.trace = str(hop)  # nobody will look: what follows hangs below the same
        return one
    attributes: dict[str, str | int] = {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": stream,
        "messaging.consumer.group.name": consumer,
        "messaging.message.id": str(one.envelope.id),
        "siraba.event_type": f"{one.message.name}.v{one.message.version}",
    }
    case = _case_of(one)
    if case is not None:
        attributes["siraba.case_id"] = case
    if one.organisation is not None:
        attributes["siraba.organisation"] = one.organisation
    span = tracing.start(
        f"process {one.message.name}",
        kind=SpanKind.CONSUMER,
        below=hop,
        attributes=attributes,
    )
    one.span, one.trace = span, str(Hop.of(span))
    return one


def _case_of(one: Received) -> str | None:
    """Inside, ce-subject is the case; a partner's request only names a referral."""
    if one.organisation is not None:
        return None
    try:
        return str(UUID(one.envelope.subject))
    except ValueError:
        return None
