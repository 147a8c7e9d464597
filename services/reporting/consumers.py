"""NATS in: every event of the other services becomes a fact."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.inbox import Consumer, Received
from contracts.reading import read_event
from services.reporting.use_cases import Happened, take_events

STREAMS = ("INTAKE", "REFERRAL")
#: By stream, the durable that reads it.
DURABLES = {stream: f"reporting-{stream}" for stream in STREAMS}


async def on_events(connection: AsyncConnection, batch: Sequence[Received]) -> None:
    """Any stream, every kind of event at once."""
    await take_events(connection, [_happened(one) for one in batch])


def consumers(parts: Parts) -> list[Consumer]:
    """One consumer per stream that reporting reads."""
    return [
        Consumer(
            name=durable,
            stream=stream,
            parts=parts,
            trust=parts.trust,
            check=read_event,
            handle=on_events,
            ordered=True,
            rest_seconds=0.4,
        )
        for stream, durable in DURABLES.items()
    ]


def _happened(one: Received) -> Happened:
    assert one.envelope.case_sequence is not None  # noqa: S101 - read_event refuses those without
    return Happened(
        event=one.message,
        event_id=one.envelope.id,
        subject=one.envelope.subject,
        case_sequence=one.envelope.case_sequence,
        stream=one.raw.stream,
        stream_sequence=one.raw.sequence,
        recorded_at=one.raw.recorded_at,
    )
