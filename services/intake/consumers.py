"""NATS in: intake follows its cases, discloses what an acceptance opens, hears confirmations."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.assembly import Parts
from chassis.inbox import Consumer, Received, Rejection
from chassis.inbox.share import Shares
from contracts.envelope import Rejected
from contracts.feed import MessageRejected, RequestRefused
from contracts.keyring import Keyring
from contracts.reading import read_event, read_request
from contracts.referral import (
    OrganisationRegistered,
    ProceedingEvent,
    ReferralAccepted,
    ReferralEvent,
    ReferralUnplaced,
)
from contracts.reports import ReportCase
from contracts.requests import AcknowledgeConsent
from contracts.threats import ThreatReported
from services.intake import heard
from services.intake.use_cases import refusing
from services.intake.use_cases.acknowledging import UNKNOWN, Heard, acknowledge_withdrawals
from services.intake.use_cases.disclosing import Accepted, Discloser, release_accepted
from services.intake.use_cases.following import Followed, follow_referrals
from services.intake.use_cases.registering import Keeping
from services.intake.use_cases.returning import tell_planned
from services.intake.use_cases.taking_reports import Reported, open_report, take_reports
from services.intake.use_cases.taking_sealed_parts import Taking, follow_taken, take_part
from services.intake.vault import MonthlyKeys

FOLLOWED = (
    OrganisationRegistered, ProceedingEvent, ReferralEvent, ReferralUnplaced, ThreatReported,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers, with what it takes to disclose, and to open and keep what is sealed to us.

    officers: whose word stands for a key.
    """

    discloser: Discloser
    officers: Callable[[], Keyring]
    months: MonthlyKeys
    keeping: Keeping

    async def on_referral_events(
        self, connection: AsyncConnection, batch: Sequence[Received]
    ) -> None:
        """REFERRAL: every kind at once; what an acceptance opens is released in the same breath."""
        followed = [
            Followed(
                id=one.envelope.id,
                event=one.message,
                subject=one.envelope.subject,
                at=one.raw.recorded_at,
            )
            for one in batch
            if isinstance(one.message, FOLLOWED)
        ]
        await follow_referrals(connection, followed, officers=self.officers())
        accepted = [
            Accepted(
                referral_id=one.message.referral_id,
                case_id=UUID(one.envelope.subject),
                cause=str(one.envelope.id),
                trace=one.trace,
            )
            for one in batch
            if isinstance(one.message, ReferralAccepted)
        ]
        if accepted:
            await release_accepted(connection, accepted, by=self.discloser)
            await tell_planned(connection, accepted, by=self.discloser)
        for matter, trace in heard.taken(batch):
            await follow_taken(connection, matter, taking=self._taking(trace))

    async def on_requests(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        """INBOX: who confirms that it heard of a withdrawal, and cases to register."""
        await self._take_reports(connection, batch)
        await self._take_parts(connection, batch)
        told = [
            Heard(
                organisation=one.organisation,
                withdrawal_id=one.message.withdrawal_id,
                referral_id=one.message.referral_id,
                request_id=one.envelope.id,
                trace=one.trace,
            )
            for one in batch
            if isinstance(one.message, AcknowledgeConsent) and one.organisation is not None
        ]
        known = await acknowledge_withdrawals(connection, told, by=self.discloser)
        by_request = {(one.organisation, one.envelope.id): one for one in batch}
        for said, case_id in zip(told, known, strict=True):
            if said.request_id is not None:
                refused = UNKNOWN if case_id is None else None
                by_request[said.organisation, said.request_id].came_to(case_id, refused=refused)

    async def _take_parts(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        """What is sealed in reports that referral answers: it waits for its word."""
        for one in heard.sealed(batch):
            arrived = await asyncio.to_thread(heard.arrived, one, months=self.months)
            if arrived is not None:
                taking = self._taking(one.trace)
                one.rejected = await take_part(connection, arrived, taking=taking)

    def _taking(self, trace: str | None) -> Taking:
        return Taking(by=self.discloser, months=self.months, trace=trace)

    async def _take_reports(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        reports = [one for one in batch if isinstance(one.message, ReportCase)]
        if not reports:
            return
        # Keys are read from files, and opening is arithmetic: requests over HTTP go on meanwhile.
        opened = await asyncio.to_thread(lambda: [self._opened(one) for one in reports])
        given = [(one, said) for one, said in zip(reports, opened, strict=True) if said is not None]
        results = await take_reports(
            connection, [said for _, said in given], keeping=self.keeping, by=self.discloser
        )
        for (one, _), result in zip(given, results, strict=True):
            one.rejected = result.rejected
            one.came_to(result.case_id)

    def _opened(self, one: Received) -> Reported | None:
        request = one.message
        assert isinstance(request, ReportCase)  # noqa: S101 - the caller filtered
        assert one.organisation is not None  # noqa: S101 - read_request always says it
        at = one.raw.recorded_at
        try:
            form, digest = open_report(request, one.organisation, at=at, months=self.months)
        except Rejected as rejected:
            one.rejected = rejected
            return None
        return Reported(
            organisation=one.organisation,
            message_id=one.envelope.id,
            message_digest=one.raw.digest,
            report_id=request.report_id,
            recorded_at=at,
            form=form,
            form_digest=digest,
            trace=one.trace,
        )

    async def tell_rejected(self, connection: AsyncConnection, rejection: Rejection) -> None:
        """Say to the sender what was wrong with what only we can open."""
        message = MessageRejected(
            message_id=rejection.message_id,
            reason=rejection.reason,
            field=rejection.field,
            allowed=rejection.allowed,
            count=rejection.count,
        )
        to, mint = rejection.organisation, self.discloser.mint
        told = refusing.told(message, to, subject=to, trace=None, mint=mint)
        await outbox.add(connection, [told])

    async def tell_more(
        self, connection: AsyncConnection, organisation: str, said: Mapping[str, Any]
    ) -> None:
        """Say how many more requests were refused than could be told one by one."""
        refusal, mint = RequestRefused.model_validate(said), self.discloser.mint
        told = refusing.told(refusal, organisation, subject=organisation, trace=None, mint=mint)
        await outbox.add(connection, [told])


def consumers(parts: Parts, handlers: Handlers) -> list[Consumer]:
    """One consumer per stream that intake reads."""
    shares = Shares()
    return [
        Consumer(
            name="intake-REFERRAL",
            stream="REFERRAL",
            parts=parts,
            trust=parts.trust,
            check=read_event,
            handle=handlers.on_referral_events,
            ordered=True,
            rest_seconds=0.2,
        ),
        Consumer(
            name="intake-INBOX",
            stream="INBOX",
            parts=parts,
            trust=parts.trust_of_partners,
            check=read_request,
            handle=handlers.on_requests,
            ordered=False,
            tell=handlers.tell_rejected,
            tell_more=handlers.tell_more,
            tells_unreadable=False,
            fits=shares.fits,
        ),
    ]
