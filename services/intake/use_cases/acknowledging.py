"""Taking a recipient's word that it heard of a withdrawal, or refusing a word about none."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.inbox.refusals import limited
from chassis.outbox import Outgoing
from contracts.feed import RequestRefused
from contracts.intake import ConsentAcknowledged
from contracts.requests import AcknowledgeConsent
from services.intake.store import consents
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.refusing import told

#: Of a withdrawal that nobody told this organisation.
UNKNOWN = "unknown_referral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One organisation's confirmation; request_id: the message it came in, None from a desk."""

    organisation: str
    withdrawal_id: UUID
    referral_id: UUID
    request_id: UUID | None
    trace: str | None


async def acknowledge_withdrawals(
    connection: AsyncConnection, heard: Sequence[Heard], *, by: Discloser
) -> list[UUID | None]:
    """The case of each, in order; None for what nobody told this organisation. Twice is once."""
    cases = [await _acknowledge(connection, one, by=by) for one in heard]
    refused = [
        _refused(one, one.request_id, by=by)
        for one, case_id in zip(heard, cases, strict=True)
        if case_id is None and one.request_id is not None
    ]
    await outbox.add(connection, await limited(connection, refused, refusal=RequestRefused))
    return cases


async def _acknowledge(connection: AsyncConnection, one: Heard, *, by: Discloser) -> UUID | None:
    given = {
        "withdrawal_id": one.withdrawal_id,
        "referral_id": one.referral_id,
        "organisation": one.organisation,
    }
    case_id = await consents.acknowledge(connection, given)
    if case_id is not None:
        event = ConsentAcknowledged(
            withdrawal_id=one.withdrawal_id,
            referral_id=one.referral_id,
            organisation=one.organisation,
        )
        cause = None if one.request_id is None else str(one.request_id)
        said = by.announced(event, case_id, cause=cause, trace=one.trace)
        await outbox.add(connection, [said])
        return case_id
    return await consents.told_case(connection, given)


def _refused(one: Heard, request_id: UUID, *, by: Discloser) -> Outgoing:
    refusal = RequestRefused(
        request_id=request_id,
        request_type=AcknowledgeConsent.name,
        reason=UNKNOWN,
        field="withdrawal_id",
    )
    subject = str(one.referral_id)
    return told(refusal, one.organisation, subject=subject, trace=one.trace, mint=by.mint)
