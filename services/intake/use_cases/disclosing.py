"""Releasing to each recipient what it may know: sealed into its feed, or to be looked up at a desk."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
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
from contracts.sealing import Place, seal
from contracts.topology import OUT
from services.intake.store import consents, disclosures
from services.intake.store.consents import CaseFile
from services.intake.store.disclosures import Receipt, Recipient
from services.intake.store.dossiers import DossierErased, open_dossier
from services.intake.use_cases.cutting import (
    Dossier,
    cut_for,
    fields_by_ground,
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


@dataclass(slots=True)
class _Written:
    receipts: list[Receipt] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """One recipient's turn. had: the fields that it has already; first: it has no receipt yet."""

    recipient: Recipient
    file: CaseFile
    had: frozenset[FieldName]
    first: bool
    cause: str | None
    trace: str | None


async def release_accepted(
    connection: AsyncConnection, accepted: Sequence[Accepted], *, by: Discloser
) -> None:
    """On each acceptance, disclose what the recipient may know, or put on record that it is nothing."""
    files = await consents.files(connection, {one.case_id for one in accepted})
    who = await disclosures.recipients(connection, {one.referral_id for one in accepted})
    known = [one for one in accepted if one.referral_id in who and one.case_id in files]
    had = await _had(connection, files)
    result = _Written()
    for one in known:
        due = _Due(
            recipient=who[one.referral_id],
            file=files[one.case_id],
            had=had.get(one.referral_id, frozenset()),
            first=one.referral_id not in had,
            cause=one.cause,
            trace=one.trace,
        )
        await _disclose(connection, due, by=by, result=result)
    await disclosures.save(connection, result.receipts)
    await outbox.add(connection, result.messages)


async def release_more(
    connection: AsyncConnection,
    file: CaseFile,
    *,
    by: Discloser,
    cause: str | None,
    trace: str | None,
) -> None:
    """After a new decision, disclose what has become open to those who have accepted already."""
    had = await _had(connection, {file.case_id})
    result = _Written()
    for recipient in await disclosures.recipients_of(connection, {file.case_id}):
        if recipient.stage == "accepted":
            due = _Due(
                recipient=recipient,
                file=file,
                had=had.get(recipient.referral_id, frozenset()),
                first=False,
                cause=cause,
                trace=trace,
            )
            await _disclose(connection, due, by=by, result=result)
    await disclosures.save(connection, result.receipts)
    await outbox.add(connection, result.messages)


async def _had(
    connection: AsyncConnection, cases: Collection[UUID]
) -> dict[UUID, frozenset[FieldName]]:
    had: dict[UUID, frozenset[FieldName]] = {}
    for one in await disclosures.standing_receipts(connection, cases):
        names = frozenset(unwritten(text) for text in one.fields)
        had[one.referral_id] = had.get(one.referral_id, frozenset()) | names
    return had


async def _disclose(
    connection: AsyncConnection, due: _Due, *, by: Discloser, result: _Written
) -> None:
    recipient = due.recipient
    cut = cut_for(recipient, due.file, stage="accepted", at=by.mint.moment())
    parts = {
        ground: names - due.had
        for ground, names in fields_by_ground(cut).items()
        if names - due.had and not due.file.is_erased
    }
    form = FORMS[recipient.channel]
    if form == "sealed":
        released = await _sealed(connection, due, parts, by=by, result=result)
    else:
        released = [
            _receipt(due, by=by, form="desk", ground=ground, fields=written(names))
            for ground, names in parts.items()
        ]
    if not released and due.first:
        released = [_receipt(due, by=by, form="nothing")]
    result.receipts += released
    result.messages += [
        by.announced(_event(one), one.case_id, cause=due.cause, trace=due.trace) for one in released
    ]


async def _sealed(
    connection: AsyncConnection,
    due: _Due,
    parts: dict[str, frozenset[FieldName]],
    *,
    by: Discloser,
    result: _Written,
) -> list[Receipt]:
    """One message for each ground; nothing for a recipient whose key the directory does not have."""
    wanted = sorted({section for names in parts.values() for section, _ in names})
    if not wanted or due.recipient.key is None:
        return []
    try:
        dossier = await open_dossier(connection, due.recipient.case_id, wanted, vault=by.vault)
    except DossierErased:
        return []
    receipts = []
    for ground, names in parts.items():
        if content := part_of(dossier, names):
            message = _message(due, content, ground=ground, by=by)
            shown = frozenset((s, name) for s, held in content.items() for name in held)
            receipts.append(
                _receipt(
                    due, by=by, form="sealed", ground=ground, fields=written(shown), of=message
                )
            )
            result.messages.append(message)
    return receipts


def _message(due: _Due, content: Dossier, *, ground: str, by: Discloser) -> Outgoing:
    recipient, id = due.recipient, by.mint.message_id()
    sections = tuple(sorted(content))
    case = FeedKey.of(by.feed_key, recipient.organisation).subject(recipient.case_id)
    key = recipient.key
    assert key is not None  # noqa: S101 - the caller has looked
    sealed = seal(
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
