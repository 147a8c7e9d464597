"""What the police and justice say of their files on a page: the same as their systems report, once a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from contracts.reports import ReportProceeding
from services.referral.domain.proceedings import REPORTERS, Standing
from services.referral.store import proceedings, referrals
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.following_files import Filed, Impossible, follow_report
from services.referral.use_cases.refusing import Asked
from services.referral.use_cases.sending_once import Form, comes_first

ACTION = "proceeding.report"


class NoFileHere(Exception):
    """The organisation has no such referral, or files are not its business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """A form as it came. key: made with its page; digest: of the answers, under a key of ours."""

    who: Caller
    referral_id: UUID
    key: UUID
    digest: bytes
    trace: str | None


async def see_files(
    connection: AsyncConnection, who: Caller, referral_id: UUID, *, announcer: Announcer
) -> Mapping[UUID, Standing]:
    """Their own files on the case of this referral, with the look on record. Raises `NoFileHere`."""
    case_id = await _case_of(connection, who, referral_id, announcer=announcer)
    found = await proceedings.files_in(connection, who.organisation, case_id)
    look = Look(action="proceedings", case_id=case_id, shown=len(found))
    await audit.add(connection, who, [look])
    return found


async def file_by_hand(
    connection: AsyncConnection, form: FileForm, report: ReportProceeding, *, announcer: Announcer
) -> None:
    """Keep and announce it the first time that the form comes.

    Raises `NoFileHere`, `SentBefore`, and `Impossible` with the field that cannot be.
    """
    who = form.who
    case_id = await _case_of(connection, who, form.referral_id, announcer=announcer)
    key = f"{form.key} {form.referral_id}"
    if await comes_first(
        connection, Form(organisation=who.organisation, key=key, digest=form.digest)
    ):
        own = await proceedings.files_in(connection, who.organisation, case_id)
        if report.proceeding_id not in {*own, form.key}:
            raise Impossible("unknown_referral", "proceeding_id")
        await follow_report(connection, _filed(form, report, announcer), announcer=announcer)
    await audit.add(connection, who, [Look(action=ACTION, case_id=case_id, shown=0)])


def nothing_of(action: str, outcome: str = "not_found") -> Look:
    """An attempt at what is not theirs, or cannot be, for the record."""
    return Look(action=action, outcome=outcome, shown=0)


async def _case_of(
    connection: AsyncConnection, who: Caller, referral_id: UUID, *, announcer: Announcer
) -> UUID:
    named = (referral_id, who.organisation)
    case_id = (await referrals.had_by(connection, [named])).get(named)
    may_report = announcer.kind_of(who.organisation) in REPORTERS[ReportProceeding.name]
    if case_id is None or not may_report:
        raise NoFileHere
    return case_id


def _filed(form: FileForm, report: ReportProceeding, announcer: Announcer) -> Filed:
    organisation = form.who.organisation
    asked = Asked(
        organisation=organisation,
        request_type=report.name,
        request_id=announcer.mint.message_id(),
        matter=report.matter,
        referral_id=form.referral_id,
        cause=Cause(trace=form.trace),
    )
    return Filed(asked=asked, report=report, kind=announcer.kind_of(organisation))
