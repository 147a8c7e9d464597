"""The board of the data's quality: what came late, is not known, was entered twice or in error."""

from collections.abc import Mapping
from typing import Final

from services.reporting.store.boards.asked import Asked
from services.reporting.store.figures import LAST_MERGES
from services.reporting.store.indicators import INDICATORS

_ALL: Final = INDICATORS["Q1"]
_CASES: Final = f"""
    select item, facts_cases.*
    from ({_ALL.out_of}) as cases join facts_cases on case_id = item
"""  # noqa: S608 - constants of ours
_DETECTED: Final = "detected_on >= :start and detected_on < :end and recorded_at < :as_of"


def _lacking(words: str, condition: str) -> Asked:
    return Asked(
        unit="cases",
        meaning=f"cases of persons detected in the year of whom {words} is not known",
        question=f"select item from ({_CASES}) as cases where {condition}",  # noqa: S608 - ours
    )


ASKED: Final[Mapping[str, Asked]] = {
    "cases": Asked(unit="cases", meaning=_ALL.denominator, question=_CASES, divisions=("owner",)),
    "complete": Asked(
        unit="cases",
        meaning=_ALL.numerator,
        question=f"""
            select item, owner from ({_ALL.counted}) as complete
            join facts_cases on case_id = item
        """,  # noqa: S608 - constants of ours
        divisions=("owner",),
    ),
    "late": Asked(
        unit="cases",
        meaning="cases recorded more than 30 days after the person was detected",
        question=f"""
            select * from ({_CASES}) as cases
            where (recorded_at at time zone 'UTC')::date > detected_on + 30
        """,  # noqa: S608 - constants of ours
        divisions=("owner",),
    ),
    "doubles": Asked(
        unit="cases",
        meaning="cases that count under another at this moment, since both are one person's",
        question=f"""
            select * from ({_CASES}) as cases
            where item in (select case_id from ({LAST_MERGES}) as merges where merged_into is not null)
        """,  # noqa: S608 - constants of ours
        divisions=("owner",),
    ),
    "taken_apart": Asked(
        unit="cases",
        meaning="cases that counted under another by mistake, and count for themselves again",
        question=f"""
            select * from ({_CASES}) as cases
            where item in (select case_id from ({LAST_MERGES}) as merges where merged_into is null)
        """,  # noqa: S608 - constants of ours
    ),
    "in_error": Asked(
        unit="cases",
        meaning="cases that were taken back as registered in error; none of the others holds them",
        question=f"""
            select case_id as item from facts_erasures join facts_cases using (case_id)
            where reason = 'registered_in_error' and at < :as_of and {_DETECTED}
        """,  # noqa: S608 - constants of ours
    ),
    "unknown_sex": _lacking("the sex", "sex = 'unknown'"),
    "unknown_age": _lacking("the age", "age_band = 'unknown'"),
    "unknown_citizenship": _lacking("the citizenship", "cardinality(citizenship) = 0"),
    "unknown_form": _lacking("the form of exploitation", "'to_be_determined' = any(exploitation)"),
    "unknown_region": _lacking("the region", "region is null"),
}
