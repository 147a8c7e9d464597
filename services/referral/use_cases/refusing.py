"""Refusing what nobody handles yet: whoever asked must know that nothing will come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.inbox.refusals import limited
from chassis.outbox import Outgoing
from contracts import feed
from services.referral.store import referrals
from services.referral.use_cases.announcing import Announcer, Cause

#: Reason → what of the request it is about.
FIELDS = {
    "unknown_referral": "referral_id",
    "not_yet_supported": "ce-type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request of one organisation; referral_id: the referral that it names, if it names one."""

    organisation: str
    request_type: str
    request_id: UUID
    matter: str | None
    referral_id: UUID | None
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why, and which case it turned out to be about, where the sender has that case.

    field: what of the request, where the reason does not say it.
    """

    asked: Asked
    reason: str
    case_id: UUID | None
    field: str | None = None


async def refuse_unsupported(
    connection: AsyncConnection, asked: Sequence[Asked], *, announcer: Announcer
) -> list[Refused]:
    """Tell each sender, in order. Who names a referral that it does not have, hears of that alone."""
    named = {(one.referral_id, one.organisation) for one in asked if one.referral_id is not None}
    cases = await referrals.had_by(connection, named) if named else {}
    refused = [_judged(one, cases) for one in asked]
    await refuse(connection, refused, announcer=announcer)
    return refused


async def refuse(
    connection: AsyncConnection, refused: Sequence[Refused], *, announcer: Announcer
) -> None:
    """Tell each sender, in order; a flood is told as a number."""
    told = [_told(one, announcer) for one in refused]
    await outbox.add(connection, await limited(connection, told, refusal=feed.RequestRefused))


def _judged(one: Asked, cases: dict[tuple[UUID, str], UUID]) -> Refused:
    if one.referral_id is None:
        return Refused(asked=one, reason="not_yet_supported", case_id=None)
    case_id = cases.get((one.referral_id, one.organisation))
    # Somebody else's referral and one that does not exist look the same from outside.
    reason = "unknown_referral" if case_id is None else "not_yet_supported"
    return Refused(asked=one, reason=reason, case_id=case_id)


def _told(one: Refused, announcer: Announcer) -> Outgoing:
    asked = one.asked
    refusal = feed.RequestRefused(
        request_id=asked.request_id,
        request_type=asked.request_type,
        reason=one.reason,
        field=one.field or FIELDS.get(one.reason),
    )
    return announcer.told(
        refusal,
        organisation=asked.organisation,
        subject=asked.matter or str(asked.request_id),
        cause=asked.cause,
    )
