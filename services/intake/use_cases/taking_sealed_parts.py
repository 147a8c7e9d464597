"""Taking in what reports of suspects and of threats hold sealed, once referral has taken the report."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.envelope import Rejected
from contracts.form import SuspectIdentity, ThreatDetails
from contracts.reports import ReportSuspect, ReportThreat, place_of_part
from services.intake.store import consents, dossiers, reports, sealed_parts, suspects
from services.intake.store.sealed_parts import Arrived, Matter
from services.intake.store.suspects import Suspect
from services.intake.use_cases.disclosing import Discloser, release_more
from services.intake.use_cases.taking_reports import opened, read_opened
from services.intake.vault import MonthlyKeys

Part = ReportSuspect | ReportThreat
PARTS = (ReportSuspect, ReportThreat)
#: What was erased does not come back under the same id.
ERASED = Rejected("id_reused", field="suspect_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What it takes to keep what is sealed to us. trace: the hop to hand on."""

    by: Discloser
    months: MonthlyKeys = field(repr=False)
    trace: str | None


def open_part(
    report: Part, organisation: str, *, at: datetime, months: MonthlyKeys
) -> SuspectIdentity | ThreatDetails:
    """What a report holds sealed. Raises `Rejected`, which repeats nothing of it.

    at: when the message was stored.
    """
    assert report.sealed is not None  # noqa: S101 - the caller filtered
    place = place_of_part(organisation, report)
    content = opened(report.sealed, place, at=at, months=months)
    if isinstance(report, ReportSuspect):
        return read_opened(SuspectIdentity, content)
    return read_opened(ThreatDetails, content)


async def take_part(
    connection: AsyncConnection, one: Arrived, *, taking: Taking
) -> Rejected | None:
    """Let it wait as it came, or keep it at once; why its sender is told that it is not kept."""
    report = _report(one)
    if isinstance(report, ReportSuspect):
        entry = await suspects.lock(connection, _suspect(one.organisation, report))
        if entry is not None and entry.is_erased:
            return ERASED
    matter = await sealed_parts.arrive(connection, one)
    if matter is not None:
        await _keep(connection, one, matter, taking=taking)
    return None


async def follow_taken(connection: AsyncConnection, matter: Matter, *, taking: Taking) -> None:
    """Referral has taken this report: keep what it held sealed, if it held anything that has come."""
    one = await sealed_parts.take(connection, matter)
    if one is not None:
        await _keep(connection, one, matter, taking=taking)


async def _keep(
    connection: AsyncConnection, one: Arrived, matter: Matter, *, taking: Taking
) -> None:
    report = _report(one)
    said = open_part(report, one.organisation, at=one.recorded_at, months=taking.months)
    case_id = None
    if isinstance(said, ThreatDetails) and matter.case_id is not None:
        case_id = await _amend(connection, one, said, case_id=matter.case_id, taking=taking)
    elif isinstance(said, SuspectIdentity) and isinstance(report, ReportSuspect):
        mint = taking.by.mint
        await suspects.keep(
            connection,
            _suspect(one.organisation, report),
            dict(said.identity.items()),
            vault=taking.by.vault,
            new_id=mint.opaque_id(),
            at=mint.moment(),
        )
    # Without a case, of a suspect or of an erased person, the message leaves its streams at once.
    await reports.note(connection, _row(one), case_id=case_id)
    await sealed_parts.done(connection, one.organisation, one.request_id)


async def _amend(
    connection: AsyncConnection,
    one: Arrived,
    said: ThreatDetails,
    *,
    case_id: UUID,
    taking: Taking,
) -> UUID | None:
    """The case whose dossier says so now, and tells it to whoever may know; None if it is erased."""
    file = (await consents.files(connection, [case_id])).get(case_id)
    if file is None or file.is_erased:
        return None
    added = said.sections
    if not await dossiers.amend_dossier(connection, case_id, added, vault=taking.by.vault):
        return None
    renewed = frozenset((section, name) for section, held in added.items() for name in held)
    cause = str(one.request_id)
    await release_more(
        connection, file, by=taking.by, cause=cause, trace=taking.trace, renewed=renewed
    )
    return case_id


def _report(one: Arrived) -> Part:
    kinds: dict[str, type[Part]] = {kind.name: kind for kind in PARTS}
    return kinds[one.name].model_validate_json(one.body)


def _suspect(organisation: str, report: ReportSuspect) -> Suspect:
    return Suspect(organisation, report.proceeding_id, report.suspect_id)


def _row(one: Arrived) -> reports.Report:
    return reports.Report(
        organisation=one.organisation,
        message_id=one.request_id,
        digest=one.digest,
        recorded_at=one.recorded_at,
    )
