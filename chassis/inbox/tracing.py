"""The span of a batch and one span for each of its messages, which hangs below its own hop."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from opentelemetry.trace import SpanKind
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.inbox.received import Received
from chassis.telemetry import Hop, Tracing
from chassis.telemetry.spans import end_failed
from contracts.envelope import HOP

#: (message of ours, organisation it went to)
Answered = tuple[UUID, str]
NOTHING: Final[Answered] = UUID(int=0), ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who processes messages: which consumer, from which stream, in which transaction."""

    tracing: Tracing
    connection: AsyncConnection
    consumer: str
    stream: str


@asynccontextmanager
async def processing(reader: Reader, messages: Sequence[Received]) -> AsyncIterator[list[Received]]:
    """The messages with their open spans; all end together, since their effect is one."""
    sent = await _sent(reader.connection, messages)
    opened = [_open(reader, one, sent=sent.get(_answered(one) or NOTHING)) for one in messages]
    spans = [one.span for one in opened if one.span is not None]
    try:
        yield opened
    except BaseException as error:
        for span in spans:
            end_failed(span, error)
        raise
    for span in spans:
        span.end()


async def _sent(
    connection: AsyncConnection, messages: Sequence[Received]
) -> Mapping[Answered, str]:
    """Of the messages of ours that these answer, the hops."""
    asked = {answered for one in messages if (answered := _answered(one)) is not None}
    if not asked:
        return {}
    return await outbox.hops(connection, [identity for identity, _ in asked])


def _answered(one: Received) -> Answered | None:
    """Which message of ours a partner says that it answers; it knows of its own alone."""
    if one.organisation is None:
        return None
    with suppress(ValueError):
        return UUID(one.envelope.causation_id or ""), one.organisation
    return None


def _above(one: Received, sent: str | None) -> tuple[Hop | None, list[Hop]]:
    """Below which hop its span hangs, and to which it is linked.

    A partner's own spans are in its own backend: what hung below one of them would have no parent
    here. What somebody has done anew is not a part of what was done the first time; a partner that
    does so says it by another trace.
    """
    told, ours = Hop.parse(one.raw.headers.get(HOP)), Hop.parse(sent)
    below = told if one.organisation is None else ours
    first = below or told
    others = [told] if told is not None and told != first else []
    if first is not None and (one.raw.again or any(o.trace_id != first.trace_id for o in others)):
        return None, [first, *others]
    return below, others if below else [first] if first else []


def _open(reader: Reader, one: Received, *, sent: str | None) -> Received:
    below, links = _above(one, sent)
    hop = below or (links[0] if links else None)
    if hop is not None and not hop.sampled:
        one.trace = str(hop)  # nobody will look: what follows hangs below the same
        return one
    attributes: dict[str, str | int] = {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": reader.stream,
        "messaging.consumer.group.name": reader.consumer,
        "messaging.message.id": str(one.envelope.id),
        "siraba.event_type": f"{one.message.name}.v{one.message.version}",
    }
    case = _case_of(one)
    if case is not None:
        attributes["siraba.case_id"] = case
    if one.organisation is not None:
        attributes["siraba.organisation"] = one.organisation
    span = reader.tracing.start(
        f"process {one.message.name}",
        kind=SpanKind.CONSUMER,
        below=below,
        links=links,
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
