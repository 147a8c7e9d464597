"""NATS in: intake follows what referral says about its cases and about the directory."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.inbox import Consumer, Received
from contracts.reading import read_event
from contracts.referral import OrganisationRegistered, ReferralEvent, ReferralUnplaced
from services.intake.use_cases import Followed, follow_referrals


async def on_referral_events(connection: AsyncConnection, batch: Sequence[Received]) -> None:
    """REFERRAL: every kind at once."""
    followed = [
        Followed(event=one.message, subject=one.envelope.subject, at=one.raw.recorded_at)
        for one in batch
        if isinstance(one.message, ReferralEvent | ReferralUnplaced | OrganisationRegistered)
    ]
    await follow_referrals(connection, followed)


def consumers(parts: Parts) -> list[Consumer]:
    """One consumer per stream that intake reads."""
    return [
        Consumer(
            name="intake-REFERRAL",
            stream="REFERRAL",
            parts=parts,
            check=read_event,
            handle=on_referral_events,
            ordered=True,
            rest_seconds=0.2,
        )
    ]
