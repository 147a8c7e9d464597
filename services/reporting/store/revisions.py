"""Why an edition reads otherwise than the one before it: what was recorded between the two."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store.figures import bound

#: In the order in which a report tells them.
REASONS: Final = ("late", "corrected", "merged", "unmerged", "registered_in_error")
_SINCE: Final = "at >= :since and at < :as_of"
_CASES: Final = """
    select case_id from facts_cases
    where recorded_at < :as_of
      and (detected_on >= :start and detected_on < :end
           or registered_on >= :start and registered_on < :end)
"""


def _of_days(table: str, day: str) -> str:
    """What is new, each about a day of the window, whenever it was recorded."""
    return (
        f"select 'late' as reason from {table} where {_SINCE} and {day} >= :start and {day} < :end"  # noqa: S608 - constants of ours
    )


def _of_moments(table: str, moment: str) -> str:
    return f"""
        select 'late' from {table}
        where {moment} >= :since and {moment} < :as_of
          and {moment} >= :first_moment and {moment} < :end_moment
    """  # noqa: S608 - constants of ours


def _said_again(table: str, day: str, same: str) -> str:
    """The same, and whether it is a later word on what was said before."""
    return f"""
        select case when exists (
            select from {table} as before
            where before.proceeding_id = said.proceeding_id and before.suspect_id = said.suspect_id
              and before.case_sequence < said.case_sequence and {same}
        ) then 'corrected' else 'late' end
        from {table} as said where {_SINCE} and {day} >= :start and {day} < :end
    """  # noqa: S608 - constants of ours


_WHY = text(f"""
    select reason, count(*) as events from (
        {_of_days("facts_proceedings", "stood_on")}
        union all {_of_days("facts_followups", "done_on")}
        union all {_of_days("facts_closings", "stood_on")}
        union all {_of_days("facts_returns", "completed_on")}
        union all
        select case when case_sequence = 1 then 'late' else 'corrected' end
        from facts_sessions where {_SINCE} and held_on >= :start and held_on < :end
        union all
        select 'late' from facts_cases
        where recorded_at >= :since and case_id in ({_CASES})
        union all {_of_moments("facts_referrals", "offered_at")}
        union all {_of_moments("facts_referral_steps", "at")}
        union all {_of_moments("facts_exceptions", "at")}
        union all {_said_again("facts_suspects", "stood_on", "true")}
        union all {_said_again("facts_judgments", "judged_on", "before.is_final = said.is_final")}
        union all
        select case when merged_into is null then 'unmerged' else 'merged' end
        from facts_merges where {_SINCE} and case_id in ({_CASES})
        union all
        select 'registered_in_error' from facts_erasures
        where {_SINCE} and reason = 'registered_in_error' and case_id in ({_CASES})
    ) as recorded
    group by reason
""")  # noqa: S608 - constants of ours


async def reasons(
    connection: AsyncConnection, window: Window, *, since: datetime
) -> Mapping[str, int]:
    """By reason, the events recorded from `since` to the window's `as_of` that speak of its days."""
    found = await connection.execute(_WHY, bound(window) | {"since": since})
    return dict.fromkeys(REASONS, 0) | {row.reason: row.events for row in found}
