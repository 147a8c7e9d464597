"""Plain intake's answer to an acceptance: the recipient's cut of the dossier, with a receipt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pseudonyms import FeedKey
from contracts import policy
from contracts.envelope import Envelope
from contracts.event import Message
from contracts.feed import DossierDisclosed
from contracts.identifiers import Mint
from contracts.intake import SOURCE, CodedCase, DossierReleased
from contracts.referral import ReferralAccepted
from contracts.sealing import Place
from contracts.topology import OUT, internal_subject, out_subject
from services.intake.store.consents import CaseFile
from services.intake.store.disclosures import Recipient
from services.intake.use_cases.cutting import open_fields, part_of, written
from tests.bench.clear import write_clear
from tests.bench.plain import models
from tests.bench.plain.messages import outgoing
from tests.bench.plain.vault import opened

STAGE = "accepted"
Content = Mapping[str, Mapping[str, str]]


class Opening(NamedTuple):
    """What an acceptance opens. cause: the attributes of the event that says so."""

    event: ReferralAccepted
    cause: Envelope
    case_id: UUID
    purpose: str


@dataclass(frozen=True, slots=True)
class Discloser:
    """Makes receipts and outbox rows."""

    mint: Mint
    vault: AESGCM
    feed_key: bytes

    async def released(
        self, session: AsyncSession, event: ReferralAccepted, *, cause: Envelope
    ) -> list[Any]:
        """A receipt and two messages for each ground that opens something to the recipient."""
        opening = Opening(event, cause, UUID(cause.subject), policy.purpose_of(event.service))
        open_now = await self._open_to(session, opening)
        filed = select(models.Dossier).where(models.Dossier.case_id == opening.case_id)
        dossier = opened(self.vault, await session.scalars(filed))
        rows: list[Any] = []
        for ground, names in open_now.items():
            if content := part_of(dossier, names):
                rows += self._disclosed(opening, content, ground)
        return rows

    async def _open_to(
        self, session: AsyncSession, opening: Opening
    ) -> Mapping[str, frozenset[policy.FieldName]]:
        case = await session.get_one(models.Case, opening.case_id)
        owner = await session.get_one(models.Caller, case.owner)
        file = CaseFile(
            case_id=case.case_id,
            owner=case.owner,
            owner_kind=owner.kind,
            facts=CodedCase.model_validate(case.facts),
            registered_at=case.registered_at,
            decided=(),
        )
        recipient = Recipient(
            referral_id=opening.event.referral_id,
            case_id=case.case_id,
            organisation=opening.event.organisation,
            kind=opening.event.organisation_kind,
            service=opening.event.service,
            channel="nats",
            sealing_key=None,
            sealing_since=None,
            steps=frozenset({STAGE}),
        )
        return open_fields(recipient, file, stage=STAGE, at=self.mint.moment())

    def _disclosed(self, opening: Opening, content: Content, ground: str) -> list[Any]:
        id, event = self.mint.message_id(), opening.event
        subject = FeedKey.of(self.feed_key, event.organisation).subject(opening.case_id)
        sections = tuple(sorted(content))
        clear = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        message = DossierDisclosed(
            referral_id=event.referral_id,
            sections=sections,
            ground=ground,
            policy_version=policy.VERSION,
            sealed=write_clear(clear, Place(str(id), event.organisation, subject, sections)),
        )
        receipt = models.Disclosure(
            receipt_id=id,
            case_id=opening.case_id,
            referral_id=event.referral_id,
            organisation=event.organisation,
            organisation_kind=event.organisation_kind,
            service=event.service,
            purpose=opening.purpose,
            stage=STAGE,
            ground=ground,
            policy_version=policy.VERSION,
            fields=written(frozenset((s, name) for s, held in content.items() for name in held)),
            digest=sha256(message.encode()).digest(),
        )
        return [receipt, _told(message, receipt, subject=subject), self._noted(receipt, opening)]

    def _noted(self, receipt: models.Disclosure, opening: Opening) -> Any:
        case = str(receipt.case_id)
        event = DossierReleased(
            receipt_id=receipt.receipt_id,
            referral_id=receipt.referral_id,
            organisation=receipt.organisation,
            organisation_kind=receipt.organisation_kind,
            purpose=receipt.purpose,
            stage=receipt.stage,
            form="sealed",
            ground=receipt.ground,
            policy_version=receipt.policy_version,
            fields=tuple(receipt.fields),
            digest=receipt.digest.hex(),
        )
        envelope = Envelope(
            id=self.mint.message_id(),
            source=SOURCE,
            type=event.ce_type(),
            subject=case,
            causation_id=str(opening.cause.id),
            correlation_id=case,
        )
        return outgoing(
            models.IntakeOutbox,
            event,
            envelope=envelope,
            stream="INTAKE",
            nats_subject=internal_subject("intake", event.name, event.version, subject_id=case),
        )


def _told(message: Message, receipt: models.Disclosure, *, subject: str) -> Any:
    envelope = Envelope(
        id=receipt.receipt_id,
        source=SOURCE,
        type=message.ce_type(),
        subject=subject,
        correlation_id=str(receipt.referral_id),
    )
    return outgoing(
        models.IntakeOutbox,
        message,
        envelope=envelope,
        stream=OUT.name,
        nats_subject=out_subject(receipt.organisation, message.name, message.version),
    )
