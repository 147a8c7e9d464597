"""Which case a report is about: by a referral that its sender has, or by what its feed calls the case."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.reports import AboutCase
from services.referral.store import referrals
from services.referral.use_cases.announcing import Announcer


async def named_case(
    connection: AsyncConnection, report: AboutCase, organisation: str, *, announcer: Announcer
) -> UUID | None:
    """The case that the sender has under this name; None where it has none."""
    if report.referral_id is not None:
        named = (report.referral_id, organisation)
        return (await referrals.had_by(connection, [named])).get(named)
    own = await referrals.cases_with(connection, organisation)
    return announcer.case_called(str(report.case), organisation, among=own)
