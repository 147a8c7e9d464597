"""How organisations have answered: of the last offers of each, which were answered in time."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.routing import Record

#: So many are remembered.
LAST = 20
_HOURS = """case urgency when 'vital_1h' then 1 when 'emergency_24h' then 24
            when 'urgent_72h' then 72 else 336 end"""
# One letter an offer, the newest last; by our clock alone.
_NOTE = text(f"""
    insert into answers (organisation, outcomes)
    select organisation, right(string_agg(
        case when clock_timestamp() <= offered_at + make_interval(hours => {_HOURS})
             then 'y' else 'n' end, '' order by offered_at, referral_id), {LAST})
    from referrals where referral_id = any(cast(:ids as uuid[]))
    group by organisation order by organisation
    on conflict (organisation) do update
        set outcomes = right(answers.outcomes || excluded.outcomes, {LAST})
""")  # noqa: S608 - constants of ours
_ALL = text("select organisation, outcomes from answers")


async def note(connection: AsyncConnection, answered: Collection[UUID]) -> None:
    """Remember of these referrals that they are answered, or overdue, now."""
    if answered:
        await connection.execute(_NOTE, {"ids": list(answered)})


async def records(connection: AsyncConnection) -> dict[str, Record]:
    """By organisation; who has never been asked has none."""
    found = await connection.execute(_ALL)
    return {
        row.organisation: Record(in_time=row.outcomes.count("y"), of=len(row.outcomes))
        for row in found
    }
