"""Each figure as one question to the facts; its words say what is counted, in which unit.

Persons, referrals and services are never added up. Smuggled migrants are another population
(domain §6, V6): none of these figures holds them. What was recorded at or after the window's
`as_of` does not count, so a figure that was given once can be computed again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import STATES, Window

# A case that was registered in error was nobody, from the moment at which that was said.
NOBODY = """
    select case_id from facts_erasures where reason = 'registered_in_error' and at < :as_of
"""
#: Of each case the last word on whose it is: the case that it counts under, or null for its own.
LAST_MERGES = """
    select distinct on (case_id) case_id, merged_into from facts_merges where at < :as_of
    order by case_id, case_sequence desc
"""
# Cases of one person count as one, under the case that they are merged into: its row says what the
# person is. A case that has not been heard of yet may be of either population: it waits.
_VICTIMS = f"""
    select known.case_id, person.case_id as person, person.detected_on
    from facts_cases as known
    left join ({LAST_MERGES}) as merge on merge.case_id = known.case_id
    join facts_cases as person on person.case_id = coalesce(merge.merged_into, known.case_id)
    where person.offence_class <> 'migrant_smuggling'
      and known.recorded_at < :as_of and person.recorded_at < :as_of
      and known.case_id not in ({NOBODY}) and person.case_id not in ({NOBODY})
"""  # noqa: S608 - constants of ours
_OFFERED = f"""
    select facts_referrals.*, person
    from facts_referrals join ({_VICTIMS}) as victims using (case_id)
    where offered_at >= :first_moment and offered_at < :end_moment and offered_at < :as_of
"""  # noqa: S608 - constants of ours
_DETECTED = text(f"""
    select count(*) from ({_VICTIMS}) as victims
    where case_id = person and detected_on >= :start and detected_on < :end
""")  # noqa: S608 - constants of ours
_REFERRED = text(f"select count(distinct person) from ({_OFFERED}) as offered")  # noqa: S608 - constants of ours
_BY_STATE = text(f"""
    select state, count(*) as referrals
    from ({_OFFERED}) as offered
    cross join lateral (
        select coalesce((
            select step from facts_referral_steps as steps
            where steps.referral_id = offered.referral_id and at < :as_of
            order by case_sequence desc limit 1
        ), 'offered') as state
    ) as now_in
    group by state
""")  # noqa: S608 - constants of ours
_UNPLACED = text(f"""
    select count(distinct (person, service))
    from facts_unplaced join ({_VICTIMS}) as victims using (case_id)
    where at >= :first_moment and at < :end_moment and at < :as_of
""")  # noqa: S608 - constants of ours
_ANSWERED = text(f"""
    select count(*) as answered,
           percentile_cont(0.5) within group (order by extract(epoch from answered_at - offered_at))
               as median_seconds
    from ({_OFFERED}) as offered
    join (
        select referral_id, min(at) as answered_at from facts_referral_steps
        where step in ('accepted', 'declined') and at < :as_of group by referral_id
    ) as answers using (referral_id)
""")  # noqa: S608 - constants of ours
_FOLLOWED = text("select stream, sequence, recorded_at from followed order by stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """median_seconds: None where no referral has an answer; answered: how many have one."""

    median_seconds: float | None
    answered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The furthest message of a stream that has been counted."""

    stream: str
    sequence: int
    recorded_at: datetime


async def victims_detected(connection: AsyncConnection, window: Window) -> int:
    """V1. Unit: persons.

    Numerator: distinct persons (cases merged at `as_of` are one, that of the case they are merged
    into; a case registered in error is none) detected on a day of the window, whose offence class is not `migrant_smuggling`.
    Denominator: none. Source: `case.registered`, `case.merged`, `case.unmerged`.
    """
    return int(await connection.scalar(_DETECTED, bound(window)) or 0)


async def victims_referred(connection: AsyncConnection, window: Window) -> int:
    """R1. Unit: persons.

    Numerator: distinct persons for whom at least one referral was offered in the window, whatever
    became of it. Denominator: none. Source: `referral.offered`, population and persons as in V1.
    """
    return int(await connection.scalar(_REFERRED, bound(window)) or 0)


async def referrals_by_state(connection: AsyncConnection, window: Window) -> dict[str, int]:
    """R2. Unit: referrals.

    Numerator: referrals offered in the window, by the state they are in at `as_of`: the step with
    the highest number within its case. Denominator: all referrals offered in the window, which is
    the sum of the states. Source: `referral.*`, population by `case.registered`.
    """
    found = await connection.execute(_BY_STATE, bound(window))
    return dict.fromkeys(STATES, 0) | {row.state: row.referrals for row in found}


async def services_unplaced(connection: AsyncConnection, window: Window) -> int:
    """R2, beside the referrals. Unit: services, where one service of one person counts once.

    Numerator: services for which, in the window, nobody was left to ask or a human had to decide.
    Denominator: none. Source: `referral.unplaced`, population by `case.registered`.
    """
    return int(await connection.scalar(_UNPLACED, bound(window)) or 0)


async def time_to_answer(connection: AsyncConnection, window: Window) -> Answers:
    """Unit: seconds, from the offer to the first `accepted` or `declined` of that referral.

    Median over the referrals offered in the window that have such an answer at `as_of`; those
    still waiting are not in it, so `answered` belongs beside it. Source: stream times of
    `referral.offered`, `referral.accepted`, `referral.declined`; population by `case.registered`.
    """
    row = (await connection.execute(_ANSWERED, bound(window))).one()
    return Answers(median_seconds=row.median_seconds, answered=row.answered)


async def followed(connection: AsyncConnection) -> list[Followed]:
    """How far each stream has been counted."""
    return [Followed(**row._mapping) for row in await connection.execute(_FOLLOWED)]


def bound(window: Window) -> dict[str, Any]:
    """The window as every question here has it."""
    return {
        "start": window.start,
        "end": window.end,
        "first_moment": window.first_moment,
        "end_moment": window.end_moment,
        "as_of": window.as_of,
    }
