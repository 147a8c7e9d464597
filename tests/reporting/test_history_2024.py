"""The committee's published totals of 2024, each of its own unit, from a history made to have them.

reference/domain.md §1.4: 629 victims (337 children, 250 women, 42 men), 822 migrants assisted, 93
files, 430 persons of whom 26 have no sex in the sources, 81 prosecutions, 8 convictions. How many of
the children are girls is not published: the split is ours.
"""

from datetime import UTC, date, datetime

import pytest

from services.reporting.domain import Window
from services.reporting.domain.edition import Edition
from services.reporting.use_cases.drawing import Drawn
from tests.ledger import Figure
from tests.reporting.conftest import one_database
from tests.reporting.happenings import DAWN, Happenings, Roles, take
from tests.reporting.test_report import draw
from tests.trust.telling import say

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
VICTIMS = (
    ("female", "12-14", 180), ("male", "9-11", 157), ("female", "25-34", 250), ("male", "25-34", 42),
)  # fmt: skip
MIGRANTS = (("female", "25-34", 345), ("male", "25-34", 221), ("male", "15-17", 256))
SUSPECTS = (("male", 291), ("female", 113), ("unknown", 26))
FILES, PROSECUTED, CONVICTED = 93, 81, 8
#: By table and row, what the committee published; the whole is the empty row.
PUBLISHED = {
    "V2": {"": 629},
    "V2 group": {"girl": 180, "boy": 157, "woman": 250, "man": 42, "unknown": 0},
    "V6": {"": 822},
    "V6 group": {"girl": 0, "boy": 256, "woman": 345, "man": 221, "unknown": 0},
    "J1": {"": 93},
    "J2": {"": 430},
    "J2 sex": {"male": 291, "female": 113, "unknown": 26},
    "J3F": {"": 81},
    "J4": {"": 8},
}
DAY = date(2024, 6, 3)
#: A delivery is of the moment in which it is recorded.
THEN = (datetime(2024, 6, 3, tzinfo=UTC) - DAWN).total_seconds() / 60


def the_year() -> Happenings:
    happened = Happenings()
    _register(happened)
    for file in range(FILES):
        _file(happened, file)
    suspects = [sex for sex, count in SUSPECTS for _ in range(count)]
    for suspect, sex in enumerate(suspects):
        happened.suspected(suspect, suspect % FILES, sex=sex, on=DAY)
    for suspect in range(CONVICTED):
        happened.judged(suspect, suspect, on=DAY)
    return happened


def _register(happened: Happenings) -> None:
    case = 0
    for offence, groups in (("trafficking", VICTIMS), ("migrant_smuggling", MIGRANTS)):
        for sex, age_band, count in groups:
            for _ in range(count):
                happened.registered(
                    case,
                    sex=sex,
                    age_band=age_band,
                    detected_on=DAY,
                    registered_on=DAY,
                    offence_class=offence,
                    victim_status="presumed" if offence == "migrant_smuggling" else "identified",
                )
                if offence == "migrant_smuggling":
                    happened.offered(case, case, minutes=THEN)
                    happened.stepped(case, case, "delivered", minutes=THEN)
                case += 1


def _file(happened: Happenings, file: int) -> None:
    happened.filed(file, file, "preliminary_inquiry", on=DAY)
    if file < PROSECUTED:
        happened.filed(file, file, "judicial_investigation", on=DAY)


def mismatches(drawn: Drawn) -> list[str]:
    """The rows that say another number than was published, or none."""
    found = {
        one.name: {row.code: row.value for row in one.rows if row.code in PUBLISHED[one.name]}
        for one in drawn.tables
        if one.name in PUBLISHED
    }
    return [
        f"{name} {code}"
        for name, rows in PUBLISHED.items()
        for code, value in rows.items()
        if found[name][code] != value
    ]


async def test_the_totals_of_2024_come_out_each_under_its_unit(
    roles: Roles, figure: Figure
) -> None:
    await take(roles.work, the_year().events)
    window = Window(
        start=date(2024, 1, 1), end=date(2025, 1, 1), as_of=datetime(2027, 1, 1, tzinfo=UTC)
    )

    drawn = await draw(roles, Edition(audience="internal", window=window))

    units = {one.name: one.indicator.unit for one in drawn.tables}
    assert [units[one] for one in ("V2", "V6", "J1", "J2", "J3F", "J4")] == [
        "persons", "persons", "files", "suspects", "files", "suspects",
    ]  # fmt: skip
    wrong = mismatches(drawn)
    say(f"wrong {wrong}")
    figure("figures.history2024.mismatch", len(wrong), control=len(PUBLISHED))
    assert wrong == []
