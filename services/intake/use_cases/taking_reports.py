"""Taking in cases that organisations report in messages: as a form, and no name in clear on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts import feed
from contracts.catalogue import read_body
from contracts.envelope import Rejected
from contracts.event import Message
from contracts.form import SECTIONS, CaseSubmission
from contracts.reports import ReportCase, place_of_report
from contracts.sealing import Place, Sealed, SealingRefused
from services.intake import domain
from services.intake.store import reports
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.registering import Answer, Keeping, Submitted, register_cases
from services.intake.use_cases.telling import Telling, tell
from services.intake.vault import MonthlyKeys

_Form = TypeVar("_Form", bound=Message)
#: Why a sealed part does not open → what its sender hears; everything else is `malformed`.
UNOPENED = {"wrong_key": "unknown_key", "too_large": "oversize"}
#: What the rules of registering refuse → what its sender hears, and of which field.
REFUSED: dict[type[domain.Refused], tuple[str, str]] = {
    domain.DetectedInFuture: ("wrong_schema", "sealed.detected_on"),
    domain.KeyReused: ("id_reused", "report_id"),
    domain.Erased: ("id_reused", "report_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One message; form: what it held, opened. message_digest: SHA-256 of its body as it lies."""

    organisation: str
    message_id: UUID
    message_digest: bytes
    report_id: UUID
    recorded_at: datetime
    form: CaseSubmission = field(repr=False)
    form_digest: bytes = field(repr=False)
    trace: str | None

    @property
    def key(self) -> tuple[str, UUID]:
        """Two with the same are one case."""
        return self.organisation, self.report_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one: the case, or why its sender is told that there is none."""

    case_id: UUID | None = None
    rejected: Rejected | None = None


def open_report(
    request: ReportCase, organisation: str, *, at: datetime, months: MonthlyKeys
) -> tuple[CaseSubmission, bytes]:
    """The form, and the SHA-256 of what was sealed. Raises `Rejected`, which repeats nothing of it.

    at: when the message was stored.
    """
    place = place_of_report(organisation, request.report_id)
    content = opened(request.sealed, place, at=at, months=months)
    return read_opened(CaseSubmission, content), sha256(content).digest()


def opened(sealed: Sealed, place: Place, *, at: datetime, months: MonthlyKeys) -> bytes:
    """What was sealed to us. Raises `Rejected`."""
    try:
        return months.open_inbound(sealed, place, at=at)
    except SealingRefused as refused:
        reason = UNOPENED.get(refused.reason, "malformed")
        raise Rejected(reason, field="sealed") from None


def read_opened(model: type[_Form], content: bytes) -> _Form:
    """The form that was sealed. Raises `Rejected`, which repeats nothing of it."""
    try:
        form = read_body(model, content)
    except Rejected as rejected:
        field = f"sealed.{_own_words(rejected.field or 'body')}"
        raise Rejected(rejected.reason, field=field, allowed=rejected.allowed) from None
    assert isinstance(form, model)  # noqa: S101 - what was asked for
    return form


def _own_words(field: str) -> str:
    """Below these a sender chooses the names, and each may be about a person."""
    first, *rest = field.split(".")
    if first not in ("dossier", "identity"):
        return field
    return ".".join([first, *(one for one in rest[:1] if one in SECTIONS)])


async def take_reports(
    connection: AsyncConnection, reported: Sequence[Reported], *, keeping: Keeping, by: Discloser
) -> list[Taken]:
    """Register each as its sender's own case and tell the sender its number; one result for each.

    Every message is put on record, also one that is refused for an erased case, so that whoever
    erases finds what it carried.
    """
    done: dict[UUID, Taken] = {}
    waiting = list(reported)
    while waiting:  # the same report twice in one batch: the second meets what the first made
        first = {one.key: one for one in reversed(waiting)}
        waiting = [one for one in waiting if first[one.key] is not one]
        batch = list(first.values())
        done |= await _take(connection, batch, keeping=keeping, by=by)
    return [done[one.message_id] for one in reported]


async def _take(
    connection: AsyncConnection, batch: Sequence[Reported], *, keeping: Keeping, by: Discloser
) -> dict[UUID, Taken]:
    submitted = [_submitted(one) for one in batch]
    results = await register_cases(connection, submitted, mint=by.mint, keeping=keeping)
    told: list[Outgoing] = []
    taken: dict[UUID, Taken] = {}
    for one, result in zip(batch, results, strict=True):
        case_id = await _case_of(connection, one, result)
        if isinstance(result, Answer) and case_id is not None:
            told.append(_told(one, result, case_id, by=by))
            taken[one.message_id] = Taken(case_id=case_id)
        else:
            why = domain.Erased if isinstance(result, Answer) else type(result)
            reason, field = REFUSED[why]
            taken[one.message_id] = Taken(rejected=Rejected(reason, field=field))
            if why is not domain.Erased:
                continue
        await reports.note(connection, _row(one), case_id=case_id)
    await outbox.add(connection, told)
    return taken


async def _case_of(
    connection: AsyncConnection, one: Reported, result: Answer | domain.Refused
) -> UUID | None:
    """The case it made, or made before; None where there is none, or none any more."""
    if isinstance(result, domain.Refused):
        return None
    return result.case_id or await reports.case_of(
        connection, organisation=one.organisation, number=result.case_number
    )


def _submitted(one: Reported) -> Submitted:
    return Submitted(
        organisation=one.organisation,
        key=str(one.report_id),
        digest=one.form_digest,
        facts=one.form,
        dossier={name: dict(fields) for name, fields in one.form.dossier.items()},
        cause=str(one.message_id),
        trace=one.trace,
    )


def _row(one: Reported) -> reports.Report:
    return reports.Report(
        organisation=one.organisation,
        message_id=one.message_id,
        digest=one.message_digest,
        recorded_at=one.recorded_at,
    )


def _told(one: Reported, answer: Answer, case_id: UUID, *, by: Discloser) -> Outgoing:
    said = feed.CaseRegistered(
        report_id=one.report_id,
        case_number=answer.case_number,
        registered_on=answer.registered_on,
    )
    cause = str(one.message_id)
    to = Telling(organisation=one.organisation, case_id=case_id, trace=one.trace, cause=cause)
    return tell(said, to, by=by)
