"""What a desk finds when it comes in: the dossiers that are open to it, and what it must confirm."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.intake.store import consents, disclosures
from services.intake.store.disclosures import Recipient
from services.intake.use_cases.cutting import cut_for, grounds_of, still_open
from services.intake.use_cases.disclosing import Discloser

ACTION = "dossiers.listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDossier:
    """A referral whose dossier can be opened now. stage: in the policy's words."""

    referral_id: UUID
    service: str
    stage: str
    since: datetime
    grounds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A withdrawal that the desk was told of at that moment, and has not confirmed."""

    withdrawal_id: UUID
    referral_id: UUID
    service: str
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Dossiers newest first; withdrawals oldest first, since those wait longest."""

    dossiers: tuple[OpenDossier, ...]
    withdrawals: tuple[Unconfirmed, ...]


async def list_dossiers(connection: AsyncConnection, *, who: Caller, by: Discloser) -> Listed:
    """What is open and what must be confirmed, with the look on record; at most 200 of each.

    Policy, consent and stage are asked for each, as at its opening. Commit before it is shown.
    """
    since = await disclosures.at_desk(connection, who.organisation)
    told = await consents.unconfirmed_by(connection, who.organisation)
    asked = {*since, *(referral_id for _, referral_id, _ in told)}
    recipients = await disclosures.recipients(connection, asked)
    dossiers = await _open_now(connection, recipients, since=since, at=by.mint.moment())
    withdrawals = tuple(
        Unconfirmed(
            withdrawal_id=withdrawal_id,
            referral_id=referral_id,
            service=recipients[referral_id].service,
            told_at=told_at,
        )
        for withdrawal_id, referral_id, told_at in told
    )
    await audit.add(connection, who, [Look(action=ACTION, shown=len(dossiers) + len(withdrawals))])
    return Listed(dossiers=dossiers, withdrawals=withdrawals)


async def _open_now(
    connection: AsyncConnection,
    recipients: dict[UUID, Recipient],
    *,
    since: dict[UUID, datetime],
    at: datetime,
) -> tuple[OpenDossier, ...]:
    cases = {recipients[referral_id].case_id for referral_id in since}
    files = await consents.files(connection, cases, lock=False)
    standing = await disclosures.standing_receipts(connection, cases)
    found = []
    for referral_id, moment in since.items():
        recipient = recipients[referral_id]
        cut = cut_for(recipient, files[recipient.case_id], stage=recipient.stage, at=at)
        receipts = [one for one in standing if one.is_for_desk(referral_id)]
        if still_open(receipts, cut):
            found.append(
                OpenDossier(
                    referral_id=referral_id,
                    service=recipient.service,
                    stage=recipient.stage,
                    since=moment,
                    grounds=grounds_of(receipts),
                )
            )
    return tuple(found)
