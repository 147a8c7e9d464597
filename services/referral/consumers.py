"""NATS in: registered cases become offers, partners' requests become answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.assembly import Parts
from chassis.inbox import Consumer, Received, Rejection
from chassis.inbox.share import Shares
from chassis.relay import Row
from contracts import feed
from contracts.envelope import Rejected
from contracts.event import Message
from contracts.reading import read_event, read_request
from contracts.reports import ReportCapacity, ReportCase, ReportSession, ReportThreat
from contracts.requests import AcknowledgeConsent, ReferralRequest, ReplayFeed, SnapshotFeed
from services.referral import heard
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.answering import take_answers
from services.referral.use_cases.closing import follow_closings
from services.referral.use_cases.counting import take_counts
from services.referral.use_cases.following_files import FILE_REPORTS, follow_files
from services.referral.use_cases.following_threats import follow_threats, hold_threatened
from services.referral.use_cases.gathering import expect_persons
from services.referral.use_cases.joining import join_persons
from services.referral.use_cases.looking import look_around
from services.referral.use_cases.offering import offer_referrals
from services.referral.use_cases.refusing import refuse_unsupported
from services.referral.use_cases.repeating import Rewind, tell_again
from services.referral.use_cases.withdrawing import find_fallen, follow_consents

DIRECTORY_SECONDS = 1.0
#: Requests that some service acts on, here or elsewhere; all others are refused here.
HANDLED = (
    ReferralRequest, AcknowledgeConsent, ReportCapacity, ReportCase, ReplayFeed, SnapshotFeed,
    *FILE_REPORTS, ReportThreat, ReportSession,
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
        cases = heard.new_cases(batch)
        if cases:
            await offer_referrals(connection, cases, announcer=await self.announcer(connection))
        await expect_persons(connection, heard.incidents(batch))
        if owners := heard.owners(batch):
            announcer, merged = await self.announcer(connection), heard.merged(batch)
            await join_persons(connection, owners, merged=merged, announcer=announcer)
        if said := heard.decisions(batch):
            await follow_consents(connection, said, announcer=await self.announcer(connection))
        if turns := heard.turns(batch):
            await follow_closings(connection, turns, announcer=await self.announcer(connection))

    async def fallen(self, connection: AsyncConnection, rows: Sequence[Row]) -> Collection[int]:
        """Asked by the relay before it numbers what rests on a ground."""
        return await find_fallen(connection, rows, announcer=await self.announcer(connection))

    async def on_requests(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        """INBOX: apply each answer, or refuse it to its sender; refuse what nobody handles yet."""
        announcer = await self.announcer(connection)
        for one in heard.not_held(batch):
            one.rejected = Rejected("wrong_schema", field="held_on")
        # Two organisations may use one id, so it is theirs only together with who sent it.
        by_request = {(one.organisation, one.envelope.id): one for one in batch}
        answers, threats = heard.answers(batch), heard.threats(batch, announcer)
        besides = {one.referral_id for one in answers}
        await hold_threatened(connection, threats, besides=besides, announcer=announcer)
        for answered in await take_answers(connection, answers, announcer=announcer):
            request = answered.answer.organisation, answered.answer.request_id
            by_request[request].came_to(answered.case_id, refused=answered.refused)
        asked = [heard.asked_by(one) for one in batch if not isinstance(one.message, HANDLED)]
        counts, again = heard.counts(batch), heard.repeats(batch)
        filed = heard.filed(batch, announcer)
        unfiled, cases = await follow_files(connection, filed, announcer=announcer)
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
