"""Says what sessions were held, as organisations report them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.event import Message
from contracts.identifiers import Mint
from contracts.reports import ReportSession
from contracts.sessions import SessionDistinguished, SessionRecorded
from services.reporting.store import sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A report and who sent it. cause, trace: of the message, where it came in one."""

    organisation: str
    report: ReportSession
    cause: str | None
    trace: str | None


async def record_sessions(
    connection: AsyncConnection, reports: Sequence[Said], *, mint: Mint
) -> None:
    """Publish each, in their order: a second report of a session takes the first one's place."""
    await outbox.add(connection, [_recorded(one, mint) for one in reports])


async def distinguish_session(
    connection: AsyncConnection, organisation: str, session_id: UUID, *, mint: Mint
) -> bool:
    """Publish that it is no double report of another; False: there is no such session."""
    if not await sessions.is_known(connection, organisation, session_id):
        return False
    said = SessionDistinguished(
        session_id=session_id, organisation=organisation, distinguished_on=mint.moment().date()
    )
    await outbox.add(connection, [_told(said, organisation, session_id, mint=mint)])
    return True


def _recorded(one: Said, mint: Mint) -> Outgoing:
    body = one.report.model_dump(exclude={"kind"})
    event = SessionRecorded(organisation=one.organisation, session_kind=one.report.kind, **body)
    told = _told(event, one.organisation, one.report.session_id, mint=mint)
    return told._replace(causation_id=one.cause, trace=one.trace, started_trace=one.trace)


def _told(event: Message, organisation: str, session_id: UUID, *, mint: Mint) -> Outgoing:
    # Two organisations may use one id: a session is theirs only together with who reported it.
    subject = f"{organisation}/{session_id}"
    return Outgoing(
        id=mint.message_id(),
        stream="REPORTING",
        message=event,
        subject=subject,
        correlation_id=subject,
    )
