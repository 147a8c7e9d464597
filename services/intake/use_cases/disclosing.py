"""Releasing to each recipient what it may know: sealed into its feed, or to be looked up at a desk."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from chassis.pseudonyms import FeedKey
from chassis.telemetry import Hop
from contracts.event import Message
from contracts.feed import DossierDisclosed
from contracts.identifiers import Mint
from contracts.intake import DossierReleased
from contracts.policy import VERSION, FieldName
from contracts.sealing import Place, Seal, seal
from contracts.topology import OUT
from services.intake.store import consents, disclosures
from services.intake.store.consents import CaseFile
from services.intake.store.disclosures import Receipt, Recipient
from services.intake.store.dossiers import open_dossiers
from services.intake.use_cases.cutting import (
    Dossier,
    open_fields,
    part_of,
    reader_of,
    unwritten,
    written,
)
from services.intake.vault import Vault

#: How a disclosure reaches an organisation of each channel.
FORMS = {"nats": "sealed", "http": "sealed", "desk": "desk"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discloser:
    """What it takes to disclose. feed_key: the master of the pseudonyms in the feeds."""

    mint: Mint
    vault: Vault
    feed_key: bytes = field(repr=False)
    seal: Seal = seal

    def told(
        self,
        message: Message,
        recipient: Recipient,
        *,
        id: UUID,
        trace: str | None,
        ground: str | None = None,
    ) -> Outgoing:
        """A message for the recipient's own feed, under the name it knows the case by."""
        key = FeedKey.of(self.feed_key, recipient.organisation)
        hop = Hop.parse(trace)
        return Outgoing(
            id=id,
            stream=OUT.name,
            message=message,
            subject=key.subject(recipient.case_id),
            case_id=recipient.case_id,
            organisation=recipient.organisation,
            correlation_id=str(recipient.referral_id),
            ground=ground,
            trace=trace,
            started_trace=key.trace(
                recipient.case_id, sampled=hop is not None and bool(hop.sampled)
            ),
        )

    def announced(
        self, event: Message, case_id: UUID, *, cause: str | None, trace: str | None
    ) -> Outgoing:
        """An event of ours about the case."""
        return Outgoing(
            id=self.mint.message_id(),
            stream="INTAKE",
            message=event,
            subject=str(case_id),
            case_id=case_id,
            causation_id=cause,
            correlation_id=str(case_id),
            trace=trace,
            started_trace=trace,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A referral that its recipient has taken on, as referral said it; trace: the hop to hand on."""

    referral_id: UUID
    case_id: UUID
    cause: str
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """One recipient's turn. had: the fields that it has already; first: it has no receipt yet."""

    recipient: Recipient
    file: CaseFile
    had: frozenset[FieldName]
    first: bool
    cause: str | None
    trace: str | None

    @property
    def is_sealed(self) -> bool:
        """Whether it gets a message, which takes a key of its own."""
        return FORMS[self.recipient.channel] == "sealed"

    def parts(self, at: datetime) -> dict[str, frozenset[FieldName]]:
        """Ground → the fields that have become open and that it does not have yet."""
        if (
            self.file.is_erased
            or self.file.is_closed
            or (self.is_sealed and self.recipient.key is None)
        ):
            return {}
        allowed = open_fields(self.recipient, self.file, stage="accepted", at=at)
        return {ground: new for ground, names in allowed.items() if (new := names - self.had)}


async def release_accepted(
    connection: AsyncConnection, accepted: Sequence[Accepted], *, by: Discloser
) -> None:
    """On each acceptance, disclose what the recipient may know, or put on record that it is nothing."""
    files = await consents.files(connection, {one.case_id for one in accepted})
    who = await disclosures.recipients(connection, {one.referral_id for one in accepted})
    had = await _had(connection, files)
    due = [
        _Due(
            recipient=who[one.referral_id],
            file=files[one.case_id],
            had=had.get(one.referral_id, frozenset()),
            first=one.referral_id not in had,
            cause=one.cause,
            trace=one.trace,
        )
        for one in accepted
        if one.referral_id in who and one.case_id in files
    ]
    await _release(connection, due, by=by)


async def release_more(
    connection: AsyncConnection,
    file: CaseFile,
    *,
    by: Discloser,
    cause: str | None,
    trace: str | None,
    renewed: frozenset[FieldName] = frozenset(),
) -> None:
    """Disclose what has become open, or was `renewed`, to those who have accepted already."""
    had = await _had(connection, {file.case_id})
    due = [
        _Due(
            recipient=recipient,
            file=file,
            had=had.get(recipient.referral_id, frozenset()) - renewed,
            first=False,
            cause=cause,
            trace=trace,
        )
        for recipient in await disclosures.recipients_of(connection, {file.case_id})
        if recipient.stage == "accepted"
    ]
    await _release(connection, due, by=by)


async def _had(
    connection: AsyncConnection, cases: Collection[UUID]
) -> dict[UUID, frozenset[FieldName]]:
    had: dict[UUID, frozenset[FieldName]] = {}
    for one in await disclosures.standing_receipts(connection, cases):
        names = frozenset(unwritten(text) for text in one.fields)
        had[one.referral_id] = had.get(one.referral_id, frozenset()) | names
    return had


async def _release(connection: AsyncConnection, due: Sequence[_Due], *, by: Discloser) -> None:
    """Receipts, messages and events of all, with each dossier opened once."""
    turns = [(one, one.parts(by.mint.moment())) for one in due]
    wanted: dict[UUID, set[str]] = {}
    for one, parts in turns:
        if parts and one.is_sealed:
            sections = {section for names in parts.values() for section, _ in names}
            wanted.setdefault(one.file.case_id, set()).update(sections)
    dossiers = await open_dossiers(connection, wanted, vault=by.vault) if wanted else {}
    receipts: list[Receipt] = []
    messages: list[Outgoing] = []
    for one, parts in turns:
        given, told = _given(one, parts, dossiers.get(one.file.case_id, {}), by=by)
        receipts += given
        messages += told
        messages += [
            by.announced(_event(receipt), receipt.case_id, cause=one.cause, trace=one.trace)
            for receipt in given
        ]
    await disclosures.save(connection, receipts)
    await outbox.add(connection, messages)


def _given(
    due: _Due, parts: Mapping[str, frozenset[FieldName]], dossier: Dossier, *, by: Discloser
) -> tuple[list[Receipt], list[Outgoing]]:
    """One receipt for each ground, with a message where it is sealed; at first, at least one."""
    receipts: list[Receipt] = []
    messages: list[Outgoing] = []
    for ground, names in parts.items():
        if not due.is_sealed:
            receipts.append(_receipt(due, by=by, form="desk", ground=ground, fields=written(names)))
        elif content := part_of(dossier, names):
            message = _message(due, content, ground=ground, by=by)
            fields = written(frozenset((s, name) for s, held in content.items() for name in held))
            messages.append(message)
            receipts.append(
                _receipt(due, by=by, form="sealed", ground=ground, fields=fields, of=message)
            )
    if not receipts and due.first:
        receipts.append(_receipt(due, by=by, form="nothing"))
    return receipts, messages


def _message(due: _Due, content: Dossier, *, ground: str, by: Discloser) -> Outgoing:
    recipient, id = due.recipient, by.mint.message_id()
    sections = tuple(sorted(content))
    case = FeedKey.of(by.feed_key, recipient.organisation).subject(recipient.case_id)
    key = recipient.key
    assert key is not None  # noqa: S101 - the caller has looked
    sealed = by.seal(
        json.dumps(content, ensure_ascii=False, sort_keys=True).encode(),
        Place(str(id), recipient.organisation, case, sections),
        keys=[key],
    )
    message = DossierDisclosed(
        referral_id=recipient.referral_id,
        sections=sections,
        ground=ground,
        policy_version=VERSION,
        sealed=sealed,
    )
    return by.told(message, recipient, id=id, trace=due.trace, ground=ground)


def _receipt(
    due: _Due,
    *,
    by: Discloser,
    form: str,
    ground: str | None = None,
    fields: tuple[str, ...] = (),
    of: Outgoing | None = None,
) -> Receipt:
    recipient = due.recipient
    return Receipt(
        receipt_id=by.mint.message_id() if of is None else of.id,
        case_id=recipient.case_id,
        referral_id=recipient.referral_id,
        organisation=recipient.organisation,
        organisation_kind=recipient.kind,
        service=recipient.service,
        purpose=reader_of(recipient, due.file).purpose,
        stage="accepted",
        form=form,
        ground=ground,
        policy_version=VERSION,
        fields=fields,
        digest=None if of is None else sha256(of.message.encode()).digest(),
    )


def _event(one: Receipt) -> DossierReleased:
    return DossierReleased(
        receipt_id=one.receipt_id,
        referral_id=one.referral_id,
        organisation=one.organisation,
        organisation_kind=one.organisation_kind,
        purpose=one.purpose,
        stage=one.stage,
        form=one.form,
        ground=one.ground,
        policy_version=one.policy_version,
        fields=one.fields,
        digest=None if one.digest is None else one.digest.hex(),
    )
