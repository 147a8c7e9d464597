"""Taking what the police and justice report of their files, attached to the cases they are on."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.event import Message
from contracts.referral import (
    JudgmentRendered,
    ProceedingAdvanced,
    ProceedingEvent,
    ProceedingOpened,
    SuspectRecorded,
)
from contracts.reports import ReportJudgment, ReportProceeding, ReportSuspect
from contracts.vocabulary.reference import out_of_force
from services.referral.domain.proceedings import AFTER_TRIAL, REPORTERS, File, Standing, is_news
from services.referral.store import proceedings, referrals
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.naming import named_case
from services.referral.use_cases.refusing import Asked, Refused, refuse

FileReport = ReportProceeding | ReportSuspect | ReportJudgment
FILE_REPORTS = (ReportProceeding, ReportSuspect, ReportJudgment)
#: What the sender has not: the case, the file or the suspect that it names.
UNKNOWN = "unknown_referral"


class Impossible(Exception):
    """A report says nothing that can be kept: why, and because of what of it."""

    def __init__(self, reason: str, field: str):
        super().__init__(reason)
        self.reason = reason
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """One report, and who sent it. kind: of the organisation, empty where it is not known."""

    asked: Asked
    report: FileReport
    kind: str

    @property
    def file(self) -> File:
        """What it is about."""
        return File(self.asked.organisation, self.report.proceeding_id)


async def follow_files(
    connection: AsyncConnection, filed: Sequence[Filed], *, announcer: Announcer
) -> tuple[list[Refused], dict[tuple[str, UUID], UUID]]:
    """Keep and announce each, in order. Those that were refused, and of the others the case.

    By (organisation, request). A report on a file that is on several cases is of none of them.
    """
    refused, cases = [], {}
    for one in filed:
        try:
            case_id = await follow_report(connection, one, announcer=announcer)
        except Impossible as why:
            refused.append(
                Refused(asked=one.asked, reason=why.reason, case_id=None, field=why.field)
            )
        else:
            if case_id is not None:
                cases[one.asked.organisation, one.asked.request_id] = case_id
    await refuse(connection, refused, announcer=announcer)
    return refused, cases


async def follow_report(
    connection: AsyncConnection, one: Filed, *, announcer: Announcer
) -> UUID | None:
    """Keep and announce one; the case, where it says which. Raises `Impossible`."""
    if one.kind not in REPORTERS[one.report.name]:
        raise Impossible("wrong_state", "ce-source")
    # What was recorded stays as it is: only a new word is held to the law of its own day.
    field = out_of_force(one.report.model_dump(), one.report.on, ends=_ends_trial(one.report))
    if field is not None:
        raise Impossible("wrong_state", field)
    match one.report:
        case ReportProceeding():
            return await _follow_file(connection, one, one.report, announcer=announcer)
        case ReportSuspect():
            await _follow_suspect(connection, one, one.report, announcer=announcer)
        case ReportJudgment():
            await _follow_judgment(connection, one, one.report, announcer=announcer)
    return None


def _ends_trial(report: FileReport) -> bool:
    return isinstance(report, ReportJudgment) or (
        isinstance(report, ReportProceeding) and report.state in AFTER_TRIAL
    )


async def _follow_file(
    connection: AsyncConnection, one: Filed, report: ReportProceeding, *, announcer: Announcer
) -> UUID:
    case_id = await _case_of(connection, report, one.file.organisation, announcer=announcer)
    before = await proceedings.lock(connection, one.file, case_id)
    now = Standing(state=report.state, on=report.on, next_hearing_on=report.next_hearing_on)
    kind: type[ProceedingEvent] = ProceedingOpened if before is None else ProceedingAdvanced
    said = report.model_dump(exclude={"referral_id", "case"})
    event = kind(**said, organisation=one.file.organisation, organisation_kind=one.kind)
    if before is None or now.on >= before.on:
        await proceedings.save(connection, now, file=one.file, case_id=case_id)
    made = await referrals.of_cases(connection, [case_id]) if is_news(before, now) else []
    known = (await referrals.known_cases(connection, [case_id]))[case_id]
    messages = announcer.advanced(known, made, event=event, cause=one.asked.cause)
    await outbox.add(connection, messages if is_news(before, now) else messages[:1])
    return case_id


async def _case_of(
    connection: AsyncConnection,
    report: ReportProceeding,
    organisation: str,
    *,
    announcer: Announcer,
) -> UUID:
    """The case that the sender has under this name. Raises `Impossible`."""
    case_id = await named_case(connection, report, organisation, announcer=announcer)
    if case_id is None:
        raise Impossible(UNKNOWN, "case" if report.referral_id is None else "referral_id")
    return case_id


async def _follow_suspect(
    connection: AsyncConnection, one: Filed, report: ReportSuspect, *, announcer: Announcer
) -> None:
    if not await proceedings.cases_of(connection, one.file):
        raise Impossible(UNKNOWN, "proceeding_id")
    await proceedings.add_suspect(connection, one.file, report.suspect_id)
    # Who it is nobody here may open: intake keeps that, on this very word.
    said = report.model_dump(exclude={"sealed"})
    event = SuspectRecorded(**said, organisation=one.file.organisation)
    await outbox.add(connection, [_of_file(event, one, announcer)])


async def _follow_judgment(
    connection: AsyncConnection, one: Filed, report: ReportJudgment, *, announcer: Announcer
) -> None:
    if not await proceedings.has_suspect(connection, one.file, report.suspect_id):
        raise Impossible(UNKNOWN, "suspect_id")
    event = JudgmentRendered(**report.model_dump(), organisation=one.file.organisation)
    await outbox.add(connection, [_of_file(event, one, announcer)])


def _of_file(event: Message, one: Filed, announcer: Announcer) -> Outgoing:
    file, cause = str(one.report.proceeding_id), one.asked.cause
    return Outgoing(
        id=announcer.mint.message_id(),
        stream="REFERRAL",
        message=event,
        subject=file,
        correlation_id=file,
        causation_id=cause.id,
        trace=cause.trace,
        started_trace=cause.trace,
    )
