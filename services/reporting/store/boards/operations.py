"""The board of operations: deadlines that were missed, who waits, what nobody could give."""

from collections.abc import Mapping
from typing import Final

from services.reporting.store.boards.asked import Asked
from services.reporting.store.indicators.persons import PERSONS
from services.reporting.store.indicators.referrals import DUE_AT, OFFERED

# One that was withdrawn before an answer had none to give.
_DUE: Final = f"""
    select item, person, urgency, answered_at, by #>> '{{state,0}}' as state,
           by #>> '{{service,0}}' as service, by #>> '{{organisation_kind,0}}' as organisation_kind,
           to_char(offered_at at time zone 'UTC', 'MM') as month,
           {DUE_AT} as due_at
    from ({OFFERED}) as offered
"""  # noqa: S608 - constants of ours

ASKED: Final[Mapping[str, Asked]] = {
    "offered": Asked(
        unit="referrals",
        meaning="victims' referrals offered in the year",
        question=_DUE,
        divisions=("month", "organisation_kind", "service"),
    ),
    "missed": Asked(
        unit="referrals",
        meaning="those whose time to answer ran out before an answer, or runs without one; not "
        "those withdrawn before",
        question=f"""
            select * from ({_DUE}) as due
            where coalesce(answered_at, :as_of) > due_at
              and (answered_at is not null or state <> 'withdrawn')
        """,  # noqa: S608 - constants of ours
        divisions=("month", "organisation_kind", "service"),
    ),
    "waiting": Asked(
        unit="referrals",
        meaning="those that nobody has answered yet and that still stand",
        question=f"""
            select * from ({_DUE}) as due
            where answered_at is null and state in ('offered', 'received', 'overdue')
        """,  # noqa: S608 - constants of ours
        divisions=("urgency",),
    ),
    "unplaced": Asked(
        unit="services",
        meaning="victims' services for which, in the year, nobody was left to ask or a person had "
        "to decide",
        question=f"""
            select person || ' ' || service as item, service
            from facts_unplaced join ({PERSONS}) as persons using (case_id)
            where not is_smuggled and at < :as_of and at >= :first_moment and at < :end_moment
        """,  # noqa: S608 - constants of ours
        divisions=("service",),
    ),
}
