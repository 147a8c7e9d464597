"""Showing a desk what it may know at this moment: policy, consent and stage are asked each time."""

import json
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from contracts.policy import Cut, FieldName
from services.intake.store import consents, disclosures
from services.intake.store.disclosures import Opening, Receipt, Recipient
from services.intake.store.dossiers import DossierErased, open_dossier
from services.intake.use_cases.cutting import (
    Dossier,
    cut_for,
    grounds_of,
    part_of,
    reader_of,
    still_open,
    written,
)
from services.intake.use_cases.disclosing import Discloser

ACTION = "dossier.opened"
SAFETY: FieldName = ("case", "safety")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What the desk is shown. to_acknowledge: withdrawals that it has yet to confirm.

    stage: of the referral, in the policy's words; safety: the instructions that hold for contact.
    """

    referral_id: UUID
    service: str
    stage: str
    safety: tuple[str, ...]
    content: Dossier
    grounds: tuple[str, ...]
    policy_version: str
    to_acknowledge: tuple[UUID, ...]


async def open_disclosure(
    connection: AsyncConnection, referral_id: UUID, *, who: Caller, by: Discloser
) -> Opened | None:
    """The part of the dossier that is open now, with the look on record; None if it is not theirs.

    What was released and is not allowed any more is not shown; with nothing left the content is
    empty. Commit before the answer leaves.
    """
    recipient = (await disclosures.recipients(connection, [referral_id])).get(referral_id)
    if recipient is None or recipient.organisation != who.organisation:
        await audit.add(connection, who, [Look(action=ACTION, outcome="not_found", shown=0)])
        return None
    file = (await consents.files(connection, [recipient.case_id], lock=False))[recipient.case_id]
    cut = cut_for(recipient, file, stage=recipient.stage, at=by.mint.moment())
    receipts = await _desk_receipts(connection, recipient)
    names = still_open(receipts, cut)
    content = await _content(connection, recipient.case_id, names, by=by)
    grounds = grounds_of(receipts)
    look = Look(
        action=ACTION,
        case_id=recipient.case_id,
        parts=tuple(sorted(content)),
        purpose=reader_of(recipient, file).purpose,
        outcome="shown" if content else "refused",
        shown=int(bool(content)),
    )
    await audit.add(connection, who, [look])
    await _note(connection, recipient, content, grounds=grounds, cut=cut, who=who, by=by)
    return Opened(
        referral_id=referral_id,
        service=recipient.service,
        stage=recipient.stage,
        safety=file.facts.safety if SAFETY in cut.fields else (),
        content=content,
        grounds=grounds if content else (),
        policy_version=cut.policy_version,
        to_acknowledge=await consents.unconfirmed(connection, referral_id),
    )


async def _desk_receipts(connection: AsyncConnection, recipient: Recipient) -> list[Receipt]:
    found = await disclosures.standing_receipts(connection, [recipient.case_id])
    return [one for one in found if one.is_for_desk(recipient.referral_id)]


async def _content(
    connection: AsyncConnection, case_id: UUID, names: frozenset[FieldName], *, by: Discloser
) -> Dossier:
    if not names:
        return {}
    sections = sorted({section for section, _ in names})
    try:
        dossier = await open_dossier(connection, case_id, sections, vault=by.vault)
    except DossierErased:
        return {}
    return part_of(dossier, names)


async def _note(
    connection: AsyncConnection,
    recipient: Recipient,
    content: Dossier,
    *,
    grounds: tuple[str, ...],
    cut: Cut,
    who: Caller,
    by: Discloser,
) -> None:
    shown = frozenset((section, name) for section, held in content.items() for name in held)
    if shown:
        opening = Opening(
            opening_id=by.mint.message_id(),
            referral_id=recipient.referral_id,
            case_id=recipient.case_id,
            organisation=who.organisation,
            role=who.role,
            grounds=grounds,
            policy_version=cut.policy_version,
            fields=written(shown),
            digest=sha256(rendered(content)).digest(),
        )
        await disclosures.note_opening(connection, opening)


def rendered(content: Dossier) -> bytes:
    """The exact bytes of what is shown, of which the record keeps the digest."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
