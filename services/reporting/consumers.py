"""NATS in: every event becomes a fact, and what partners report of sessions becomes an event."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.inbox import Consumer, Received, dead_letters
from chassis.inbox.share import Shares
from contracts.identifiers import Mint
from contracts.reading import read_event, read_request
from contracts.reports import ReportSession
from services.reporting.use_cases import Happened, take_events
from services.reporting.use_cases.recording import Said, record_sessions

STREAMS = ("INTAKE", "REFERRAL", "REPORTING")
#: By stream of events, the durable that reads it.
DURABLES = {stream: f"reporting-{stream}" for stream in STREAMS}


async def on_events(connection: AsyncConnection, batch: Sequence[Received]) -> None:
    """Any stream, every kind of event at once.

    A rebuild reads all of it again, and what an operator has discarded is not counted then either.
    """
    counted = await dead_letters.without_discarded(connection, tuple(DURABLES.values()), batch)
    await take_events(connection, [_happened(one) for one in counted])


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers that publish, with what they need for it."""

    mint: Mint

    async def on_requests(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        """INBOX: sessions that partners report."""
        await record_sessions(
            connection,
            [said for one in batch if (said := _said(one)) is not None],
            mint=self.mint,
        )


def consumers(parts: Parts) -> list[Consumer]:
    """One consumer per stream that reporting reads."""
    requests = Consumer(
        name="reporting-INBOX",
        stream="INBOX",
        parts=parts,
        trust=parts.trust_of_partners,
        check=read_request,
        handle=Handlers(parts.mint).on_requests,
        ordered=False,
        # Referral hears every request, and tells whoever sent one that cannot be read.
        tells_unreadable=False,
        fits=Shares().fits,
    )
    return [requests] + [
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


def _said(one: Received) -> Said | None:
    if not isinstance(one.message, ReportSession) or one.organisation is None:
        return None
    # Referral tells its sender, as it does of what cannot be read.
    if not one.message.was_held(one.raw.recorded_at.date()):
        return None
    return Said(
        organisation=one.organisation,
        report=one.message,
        cause=str(one.envelope.id),
        trace=one.trace,
    )


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
