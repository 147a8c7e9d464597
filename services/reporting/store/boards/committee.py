"""The committee's board: who was found, who was referred, and how it was answered."""

from collections.abc import Mapping
from typing import Final

from services.reporting.store.boards.asked import Asked
from services.reporting.store.indicators import INDICATORS
from services.reporting.store.indicators.referrals import OFFERED

# An item of V1 and V2 is the case that a person counts under, whose row says what the person is.
_FOUND: Final = """
    select item, by #>> '{{region,0}}' as region, by #>> '{{group,0}}' as who,
           to_char({day}, 'MM') as month
    from ({question}) as found join facts_cases on case_id = item
"""
_ROAD: Final = f"""
    select item, by #>> '{{region,0}}' as region, to_char(offered_at at time zone 'UTC', 'MM') as month,
           case when accepted_at is not null then 'accepted'
                when answered_at is not null then 'declined' else 'unanswered' end as answer
    from ({OFFERED}) as offered
"""  # noqa: S608 - constants of ours

ASKED: Final[Mapping[str, Asked]] = {
    "detected": Asked(
        unit="persons",
        meaning=INDICATORS["V1"].numerator,
        question=_FOUND.format(day="facts_cases.detected_on", question=INDICATORS["V1"].counted),
        divisions=("month", "region"),
    ),
    "identified": Asked(
        unit="persons",
        meaning=INDICATORS["V2"].numerator,
        question=_FOUND.format(day="facts_cases.registered_on", question=INDICATORS["V2"].counted),
        divisions=("month", "region", "who"),
    ),
    "referred": Asked(
        unit="persons", meaning=INDICATORS["R1"].numerator, question=INDICATORS["R1"].counted
    ),
    "assisted": Asked(
        unit="persons", meaning=INDICATORS["A1"].numerator, question=INDICATORS["A1"].counted
    ),
    "offered": Asked(
        unit="referrals",
        meaning="victims' referrals offered in the year, and whether and how they were answered",
        question=_ROAD,
        divisions=("month", "answer", "region"),
    ),
    "in_time": Asked(
        unit="referrals", meaning=INDICATORS["R3"].numerator, question=INDICATORS["R3"].counted
    ),
}
