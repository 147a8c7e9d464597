"""A table of which no number may be shown: one sentence says so, and the files keep its rows."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from services.reporting.editions import write_edition
from services.reporting.editions.view import HIDDEN, view_of
from services.reporting.use_cases.drawing import Drawn
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Roles, take
from tests.reporting.test_report import a_year, draw, edition
from tests.trust.faults import need, ran

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")


def with_hidden(drawn: Drawn, *names: str) -> Drawn:
    """As if no number of these tables could be shown."""
    tables = [
        replace(one, rows=tuple(replace(row, value=None, out_of=None) for row in one.rows))
        if one.name in names
        else one
        for one in drawn.tables
    ]
    return replace(drawn, tables=tuple(tables))


async def test_a_table_of_which_nothing_is_shown_is_a_sentence_and_stays_in_the_files(
    roles: Roles, tmp_path: Path
) -> None:
    need("poppler-utils")
    await take(roles.work, a_year(2017).events)
    drawn = with_hidden(await draw(roles, edition(year=2017)), "V2 group", "V3 group")
    hidden = {one.name for one in drawn.tables if one.dimension and one.is_hidden}
    some = {one.name for one in drawn.tables if one.dimension and one.is_suppressed} - hidden
    assert hidden >= {"V2 group", "V3 group"}
    assert some
    write_edition(drawn, tmp_path / "en", language="en", sign=lambda _: "signed")

    page = (tmp_path / "en" / "report-en.html").read_text("utf-8")
    text = " ".join(ran("pdftotext", str(tmp_path / "en" / "report-en.pdf"), "-").split())
    for said in (page, text):
        assert said.count("No number of this table is shown: each is below 11, or one") == len(
            hidden
        )
        assert said.count("Numbers of this table are not shown, so that") == len(some)
    figures = [one for part in view_of(drawn, "en").sections for one in part.figures]
    shown = [one for figure in figures for one in figure.divisions if not one.is_hidden]
    # Each row says its name to whoever has the table read aloud.
    rows = sum(len(one.lines) for one in shown) + len(drawn.positions)
    assert page.count('<th scope="row">') == rows
    with (tmp_path / "en" / "tables-en.csv").open(encoding="utf-8-sig") as file:
        kept = [
            (f"{one['indicator']} {one['division']}", one["value"]) for one in csv.DictReader(file)
        ]
    assert {name for name, _ in kept} >= hidden
    assert {value for name, value in kept if name in hidden} == {HIDDEN}
