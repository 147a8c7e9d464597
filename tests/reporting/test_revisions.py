"""What an edition says of the one before it: which figures moved, by how much and why."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from services.reporting.editions import write_edition
from services.reporting.editions.view import view_of
from services.reporting.use_cases.drawing import Drawn
from services.reporting.use_cases.revising import Moved, Revised
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Happenings, Roles, take
from tests.reporting.sessions import recorded
from tests.reporting.test_report import draw, edition

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
EARLY = datetime(2026, 12, 1, tzinfo=UTC)
LATER = 60 * 24 * 20


def a_year_that_is_corrected(year: int) -> Happenings:
    """80 girls by the early edition; 33 late ones, 15 merges and one registered in error after it.

    And of 22 sessions one half told early and again later, the other half late.
    """
    happened = Happenings()
    for case in range(113):
        minutes = LATER if case >= 80 else 0
        happened.registered(case, detected_on=date(year, 5, 1), minutes=minutes)
    for case in range(15):
        happened.merged(case, 79, minutes=LATER)
    happened.erased(20, reason="registered_in_error", minutes=LATER)
    for number in range(22):
        for minutes in (0, LATER) if number < 11 else (LATER,):
            day = date(year, 6, 1 + number)
            recorded(happened, year * 100 + number, minutes=minutes, held_on=day)
    # Nothing of this year.
    for case in range(500, 512):
        happened.registered(case, detected_on=date(year - 900, 5, 1), minutes=LATER)
    return happened


async def both(roles: Roles, year: int) -> tuple[Drawn, Drawn]:
    await take(roles.work, a_year_that_is_corrected(year).events)
    early = await draw(roles, edition(year=year, as_of=EARLY))
    return early, await draw(roles, edition(year=year))


def revised(drawn: Drawn) -> Revised:
    assert drawn.revised is not None
    return drawn.revised


async def test_an_edition_says_what_moved_since_the_last_and_why(
    roles: Roles, tmp_path: Path
) -> None:
    early, late = await both(roles, 2013)

    assert early.revised is None
    found = revised(late)
    assert found.since == EARLY
    # 80 and 33, less 15 who were somebody else and one who was nobody.
    assert Moved(code="V1", before=(80, None), now=(97, None)) in found.moved
    assert Moved(code="P1S", before=(11, None), now=(22, None)) in found.moved
    assert "J1" not in {one.code for one in found.moved}
    assert found.compared > len(found.moved)
    assert found.reasons == {
        "late": 44, "corrected": 11, "merged": 11, "unmerged": 0, "registered_in_error": 0,
    }  # fmt: skip
    for language, difference in (("fr", "+17"), ("en", "+17")):
        told = view_of(late, language).revision
        row = next(one for one in told.rows if "(V1)" in one[0])
        assert row[1:] == ("80", "97", difference)
        assert view_of(early, language).revision.rows == ()
    write_edition(late, tmp_path / "late", language="en", sign=lambda _: "signed")
    page = (tmp_path / "late" / "report-en.html").read_text("utf-8")
    assert "Dec 1, 2026" in page
    assert "Cases that were found to be of one person" in page
    sheet = load_workbook(tmp_path / "late" / "report-en.xlsx")["Revisions"]
    assert "+17" in {cell.value for row in sheet for cell in row}


async def test_what_is_drawn_again_is_compared_with_what_it_was_compared_with(
    roles: Roles,
) -> None:
    _, late = await both(roles, 2014)
    between = datetime(2026, 12, 20, tzinfo=UTC)

    middle = await draw(roles, edition(year=2014, as_of=between))
    again = await draw(roles, edition(year=2014))

    assert again.revised == late.revised
    assert revised(middle).since == EARLY
