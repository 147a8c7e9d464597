"""NATS in: intake follows its cases, discloses what an acceptance opens, hears confirmations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.assembly import Parts
from chassis.inbox import Consumer, Received
from contracts.feed import RequestRefused
from contracts.keyring import Keyring
from contracts.reading import read_event, read_request
from contracts.referral import (
    OrganisationRegistered,
    ReferralAccepted,
    ReferralEvent,
    ReferralUnplaced,
)
from contracts.requests import AcknowledgeConsent
from services.intake.use_cases import refusing
from services.intake.use_cases.acknowledging import UNKNOWN, Heard, acknowledge_withdrawals
from services.intake.use_cases.disclosing import Accepted, Discloser, release_accepted
from services.intake.use_cases.following import Followed, follow_referrals


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers, with what it takes to disclose. officers: whose word stands for a key."""

    discloser: Discloser
    officers: Callable[[], Keyring]

    async def on_referral_events(
        self, connection: AsyncConnection, batch: Sequence[Received]
    ) -> None:
        """REFERRAL: every kind at once; what an acceptance opens is released in the same breath."""
        followed = [
            Followed(event=one.message, subject=one.envelope.subject, at=one.raw.recorded_at)
            for one in batch
            if isinstance(one.message, ReferralEvent | ReferralUnplaced | OrganisationRegistered)
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

    async def on_requests(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        """INBOX: who confirms that it heard of a withdrawal."""
        heard = [
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
        known = await acknowledge_withdrawals(connection, heard, by=self.discloser)
        by_request = {(one.organisation, one.envelope.id): one for one in batch}
        for told, case_id in zip(heard, known, strict=True):
            if told.request_id is not None:
                refused = UNKNOWN if case_id is None else None
                by_request[told.organisation, told.request_id].came_to(case_id, refused=refused)

    async def tell_more(
        self, connection: AsyncConnection, organisation: str, said: Mapping[str, Any]
    ) -> None:
        """Say how many more requests were refused than could be told one by one."""
        refusal, mint = RequestRefused.model_validate(said), self.discloser.mint
        told = refusing.told(refusal, organisation, subject=organisation, trace=None, mint=mint)
        await outbox.add(connection, [told])


def consumers(parts: Parts, handlers: Handlers) -> list[Consumer]:
    """One consumer per stream that intake reads."""
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
            tell_more=handlers.tell_more,
        ),
    ]
