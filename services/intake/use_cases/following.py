"""Following what referral says: the directory's keys, and how the cases of intake fare."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.directory_keys import save_keys
from contracts.referral import OrganisationRegistered, ReferralEvent, ReferralUnplaced
from services.intake.store import followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """An event of referral, with the case it is about and when it was recorded."""

    event: ReferralEvent | ReferralUnplaced | OrganisationRegistered
    subject: str
    at: datetime


async def follow_referrals(connection: AsyncConnection, events: Sequence[Followed]) -> None:
    """Keep what the owner may see of its cases, and the keys that tokens are checked with."""
    organisations = [e.event for e in events if isinstance(e.event, OrganisationRegistered)]
    if organisations:
        rows = [one.model_dump(mode="json") for one in organisations]
        await followed.save_organisations(connection, rows)
        await save_keys(connection, [key for one in organisations for key in one.keys])
    steps = [_step(e.event, e) for e in events if isinstance(e.event, ReferralEvent)]
    if steps:
        await followed.save_steps(connection, steps)
    for one in events:
        if isinstance(one.event, ReferralUnplaced):
            await followed.save_unplaced(
                connection,
                case_id=UUID(one.subject),
                service=one.event.service,
                reason=one.event.reason,
                at=one.at,
            )


def _step(event: ReferralEvent, one: Followed) -> dict[str, Any]:
    return {
        "referral_id": str(event.referral_id),
        "step": event.name.partition(".")[2],
        "case_id": one.subject,
        "organisation": event.organisation,
        "service": event.service,
        "at": one.at.isoformat(),
        "reason": getattr(event, "reason", None),
    }
