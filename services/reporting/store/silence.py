"""Which organisations have not been heard of for long, and how many wait for their answer."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store.figures import bound

#: Days without a word (domain §6, Q1).
SILENT_DAYS: Final = 60
# An organisation speaks by what it answers and reports; what is done to a referral while it says
# nothing (overdue, withdrawn) is no word of its own. Who was never asked and never spoke owes none.
_SILENT: Final = text(f"""
    with words as (
        select organisation, max(steps.at) as at
        from facts_referral_steps as steps join facts_referrals using (referral_id)
        where steps.at < :as_of and step in (
            'received', 'accepted', 'declined', 'started', 'delivered', 'not_delivered'
        ) group by organisation
        union all select owner, max(recorded_at) from facts_cases
        where recorded_at < :as_of group by owner
        union all select organisation, max(at) from facts_places
        where at < :as_of group by organisation
        union all select organisation, max(at) from facts_proceedings
        where at < :as_of group by organisation
        union all select organisation, max(at) from facts_suspects
        where at < :as_of group by organisation
        union all select organisation, max(at) from facts_judgments
        where at < :as_of group by organisation
        union all select organisation, null from facts_referrals
        where offered_at < cast(:as_of as timestamptz) - interval '{SILENT_DAYS} days' group by organisation
    ), last as (
        select organisation, max(at) as at from words group by organisation
    ), silent as (
        select * from last
        where at is null or at < cast(:as_of as timestamptz) - interval '{SILENT_DAYS} days'
    )
    select organisation, name_fr, name_en, (silent.at at time zone 'UTC')::date as last_on,
           waiting.referrals
    from silent
    left join organisations on code = organisation
    cross join lateral (
        select count(*) as referrals from facts_referrals as asked
        cross join lateral (
            select coalesce((
                select step from facts_referral_steps as steps
                where steps.referral_id = asked.referral_id and at < :as_of
                order by case_sequence desc limit 1
            ), 'offered') as state
        ) as now_in
        where asked.organisation = silent.organisation and offered_at < :as_of
          and state in ('offered', 'received', 'overdue')
    ) as waiting
    order by referrals desc, last_on nulls first, organisation
""")  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """last_on: None where no word ever came. referrals: that wait for its answer. names: of the directory."""

    organisation: str
    name_fr: str | None
    name_en: str | None
    last_on: date | None
    referrals: int


async def silent_organisations(connection: AsyncConnection, window: Window) -> list[Silent]:
    """Those without a word for 60 days before `as_of`, who has most waiting first."""
    found = await connection.execute(_SILENT, bound(window))
    return [Silent(**row._mapping) for row in found]
