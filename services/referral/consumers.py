"""NATS in: registered cases become offers, partners' requests become answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.assembly import Parts
from chassis.inbox import Consumer, Received, Rejection
from chassis.inbox.share import Shares
from chassis.relay import Row
from contracts import feed
from contracts.cases import CaseClosed, CaseReopened, CaseTransferred
from contracts.event import Message
from contracts.incidents import IncidentOpened, IncidentRegistered
from contracts.intake import (
    CaseMerged,
    CaseRegistered,
    CaseUnmerged,
    ConsentEvent,
    GroundRecorded,
)
from contracts.reading import read_event, read_request
from contracts.reports import ReportCapacity, ReportCase, ReportThreat
from contracts.requests import (
    AcknowledgeConsent,
    ReferralRequest,
    ReplayFeed,
    Request,
    SnapshotFeed,
)
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.answering import Answer, take_answers
from services.referral.use_cases.closing import Turn, follow_closings
from services.referral.use_cases.counting import Count, take_counts
from services.referral.use_cases.following_files import FILE_REPORTS, Filed, follow_files
from services.referral.use_cases.following_threats import Threat, follow_threats
from services.referral.use_cases.gathering import expect_persons
from services.referral.use_cases.handing_over import hand_over
from services.referral.use_cases.looking import look_around
from services.referral.use_cases.offering import NewCase, offer_referrals
from services.referral.use_cases.refusing import Asked, refuse_unsupported
from services.referral.use_cases.repeating import Again, Rewind, tell_again
from services.referral.use_cases.withdrawing import Said, find_fallen, follow_consents

DIRECTORY_SECONDS = 1.0
#: Requests that some service acts on, here or elsewhere; all others are refused here.
HANDLED = (
    ReferralRequest, AcknowledgeConsent, ReportCapacity, ReportCase, ReplayFeed, SnapshotFeed,
    *FILE_REPORTS, ReportThreat,
)  # fmt: skip


@dataclass(slots=True)
class Handlers:
    """The handlers, with what they need to address messages."""

    parts: Parts
    master_key: bytes
    rewind: Rewind
    _held: Announcer | None = None
    _held_since: float = 0.0

    async def on_cases(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        """INTAKE: offer what each registered case needs, follow its owner and what is decided."""
        cases = [
            NewCase(
                case_id=_case_id(one),
                facts=one.message,
                recorded_at=one.raw.recorded_at,
                cause=_cause(one),
            )
            for one in batch
            if isinstance(one.message, CaseRegistered)
        ]
        if cases:
            await offer_referrals(connection, cases, announcer=await self.announcer(connection))
        await expect_persons(connection, _incidents(batch))
        # Of a case the last word counts; it is no earlier than its registration.
        owners = {
            _case_id(one): one.message.owner
            for one in batch
            if isinstance(one.message, CaseMerged | CaseUnmerged | CaseTransferred)
        }
        if owners:
            await hand_over(connection, owners)
        if said := _said(batch):
            await follow_consents(connection, said, announcer=await self.announcer(connection))
        if turns := _turns(batch):
            await follow_closings(connection, turns, announcer=await self.announcer(connection))

    async def fallen(self, connection: AsyncConnection, rows: Sequence[Row]) -> Collection[int]:
        """Asked by the relay before it numbers what rests on a ground."""
        return await find_fallen(connection, rows, announcer=await self.announcer(connection))

    async def on_requests(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        """INBOX: apply each answer, or refuse it to its sender; refuse what nobody handles yet."""
        announcer = await self.announcer(connection)
        # Two organisations may use one id, so it is theirs only together with who sent it.
        by_request = {(one.organisation, one.envelope.id): one for one in batch}
        answers = [_answer(one) for one in batch if isinstance(one.message, ReferralRequest)]
        for answered in await take_answers(connection, answers, announcer=announcer):
            request = answered.answer.organisation, answered.answer.request_id
            by_request[request].came_to(answered.case_id, refused=answered.refused)
        again = [_again(one) for one in batch if isinstance(one.message, ReplayFeed | SnapshotFeed)]
        asked = [_asked(one) for one in batch if not isinstance(one.message, HANDLED)]
        counts = [_counted(one) for one in batch if isinstance(one.message, ReportCapacity)]
        filed = [_filed(one, announcer) for one in batch if isinstance(one.message, FILE_REPORTS)]
        unfiled, cases = await follow_files(connection, filed, announcer=announcer)
        threats = [
            _threat(one, announcer) for one in batch if isinstance(one.message, ReportThreat)
        ]
        unheeded, threatened = await follow_threats(connection, threats, announcer=announcer)
        for key, case_id in (cases | threatened).items():
            by_request[key].came_to(case_id)
        for refused in (
            *unfiled,
            *unheeded,
            *await take_counts(connection, counts, announcer=announcer),
            *await tell_again(connection, again, announcer=announcer, rewind=self.rewind),
            *await refuse_unsupported(connection, asked, announcer=announcer),
        ):
            request = refused.asked.organisation, refused.asked.request_id
            by_request[request].came_to(refused.case_id, refused=refused.reason)

    async def tell_rejected(self, connection: AsyncConnection, rejection: Rejection) -> None:
        """Say to the sender what was wrong; a stranger without a feed cannot be told."""
        announcer = await self.announcer(connection)
        if rejection.organisation not in announcer.reached:
            return
        message = feed.MessageRejected(
            message_id=rejection.message_id,
            reason=rejection.reason,
            field=rejection.field,
            allowed=rejection.allowed,
            count=rejection.count,
        )
        await self._tell(connection, message, announcer, organisation=rejection.organisation)

    async def tell_more(
        self, connection: AsyncConnection, organisation: str, said: Mapping[str, Any]
    ) -> None:
        """Say how many more requests were refused than could be told one by one."""
        announcer = await self.announcer(connection)
        if organisation in announcer.reached:
            message = feed.RequestRefused.model_validate(said)
            await self._tell(connection, message, announcer, organisation=organisation)

    @staticmethod
    async def _tell(
        connection: AsyncConnection, message: Message, announcer: Announcer, *, organisation: str
    ) -> None:
        told = announcer.told(message, organisation=organisation, subject=organisation, cause=None)
        await outbox.add(connection, [told])

    async def announcer(self, connection: AsyncConnection) -> Announcer:
        """The directory of a second ago is good enough, and spares each batch two questions."""
        if self._held is None or monotonic() - self._held_since >= DIRECTORY_SECONDS:
            self._held = await look_around(
                connection, mint=self.parts.mint, master_key=self.master_key, before=self._held
            )
            self._held_since = monotonic()
        return self._held


def consumers(parts: Parts, handlers: Handlers) -> list[Consumer]:
    """One consumer per stream that referral reads."""
    shares = Shares()
    return [
        Consumer(
            name="referral-INTAKE",
            stream="INTAKE",
            parts=parts,
            trust=parts.trust,
            check=read_event,
            handle=handlers.on_cases,
            ordered=True,
        ),
        Consumer(
            name="referral-INBOX",
            stream="INBOX",
            parts=parts,
            trust=parts.trust_of_partners,
            check=read_request,
            handle=handlers.on_requests,
            ordered=False,
            tell=handlers.tell_rejected,
            tell_more=handlers.tell_more,
            fits=shares.fits,
        ),
    ]


def _incidents(
    batch: Sequence[Received],
) -> dict[UUID, IncidentOpened | IncidentRegistered]:
    """Of each the last word: once everybody is registered, who was refused is not waited for."""
    return {
        UUID(one.envelope.subject): one.message
        for one in batch
        if isinstance(one.message, IncidentOpened | IncidentRegistered)
    }


def _said(batch: Sequence[Received]) -> list[Said]:
    return [
        Said(
            case_id=_case_id(one),
            line=one.message.line,
            recorded_at=one.raw.recorded_at,
            cause=_cause(one),
        )
        for one in batch
        if isinstance(one.message, ConsentEvent | GroundRecorded)
    ]


def _turns(batch: Sequence[Received]) -> list[Turn]:
    return [
        Turn(
            case_id=_case_id(one),
            is_closed=isinstance(one.message, CaseClosed),
            needs=getattr(one.message, "needs", ()),
            cause=_cause(one),
        )
        for one in batch
        if isinstance(one.message, CaseClosed | CaseReopened)
    ]


def _answer(one: Received) -> Answer:
    request = one.message
    assert isinstance(request, ReferralRequest)  # noqa: S101 - the caller filtered
    assert one.organisation is not None  # noqa: S101 - read_request always says it
    return Answer(
        organisation=one.organisation,
        referral_id=request.referral_id,
        verb=request.name.partition(".")[2],
        request_id=one.envelope.id,
        cause=_cause(one),
        reason=getattr(request, "reason", None),
    )


def _again(one: Received) -> Again:
    message = one.message
    if isinstance(message, ReplayFeed):
        return Again(asked=_asked(one), after=message.after, since=message.since)
    return Again(asked=_asked(one))


def _counted(one: Received) -> tuple[Count, Asked]:
    report, asked = one.message, _asked(one)
    assert isinstance(report, ReportCapacity)  # noqa: S101 - the caller filtered
    return Count(**report.model_dump(), organisation=asked.organisation), asked


def _filed(one: Received, announcer: Announcer) -> Filed:
    asked, report = _asked(one), one.message
    assert isinstance(report, FILE_REPORTS)  # noqa: S101 - the caller filtered
    return Filed(asked=asked, report=report, kind=announcer.kind_of(asked.organisation))


def _threat(one: Received, announcer: Announcer) -> Threat:
    asked, report = _asked(one), one.message
    assert isinstance(report, ReportThreat)  # noqa: S101 - the caller filtered
    return Threat(asked=asked, report=report, kind=announcer.kind_of(asked.organisation))


def _asked(one: Received) -> Asked:
    request = one.message
    assert isinstance(request, Request)  # noqa: S101 - read_request takes no other
    assert one.organisation is not None  # noqa: S101 - read_request always says it
    return Asked(
        organisation=one.organisation,
        request_type=request.name,
        request_id=one.envelope.id,
        matter=request.matter,
        referral_id=getattr(request, "referral_id", None),
        cause=_cause(one),
    )


def _case_id(one: Received) -> UUID:
    return UUID(one.envelope.subject)


def _cause(one: Received) -> Cause:
    return Cause(id=str(one.envelope.id), trace=one.trace)
