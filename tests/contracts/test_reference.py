"""Offences, courts and holidays: every line has a source, and a day of law has one answer."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest

from contracts.vocabulary import codes, is_cercle
from contracts.vocabulary.reference import (
    DATED,
    LISTS,
    Row,
    UnknownReference,
    day_of,
    is_holiday,
    out_of_force,
    rows,
    valid,
)
from contracts.vocabulary.tables import table

pytestmark = pytest.mark.share("lifecycle")
#: By the tables of the church, not by our rule.
EASTER_MONDAYS = ("2008-03-24", "2011-04-25", "2024-04-01", "2025-04-21",
                  "2026-04-06", "2038-04-26", "2049-04-19", "2076-04-20")  # fmt: skip


def overlaps(lines: list[Row]) -> bool:
    ends = sorted((row.valid_from or date.min, row.valid_to or date.max) for row in lines)
    meet = any(before[1] >= after[0] for before, after in pairwise(ends))
    return meet or any(begin > end for begin, end in ends)


@pytest.mark.parametrize("list_name", LISTS)
def test_every_line_has_a_source_and_both_names_and_no_code_has_two_periods_at_once(
    list_name: str,
) -> None:
    by_code = defaultdict(list)
    for row in rows(list_name):
        by_code[row.code].append(row)
        assert all((row.source, row.fr, row.en)), row.code
    assert not [code for code, lines in by_code.items() if overlaps(lines)]
    assert not [line for line in table(f"{list_name}.csv") if None in line], "a comma too many"


def test_two_periods_that_share_a_day_are_seen() -> None:
    (row, *_) = [one for one in rows("courts") if one.code == "assize_court"]
    assert overlaps([row, row])


@pytest.mark.parametrize(("column", "list_name"), DATED.items())
def test_every_code_that_may_be_reported_has_its_line_and_no_line_has_another(
    column: str, list_name: str
) -> None:
    assert {row.about[column] for row in rows(list_name)} | {"other"} == {*codes(column), "other"}


def test_every_court_that_is_somewhere_is_in_a_cercle_that_exists() -> None:
    placed = [row.about["cercle"] for row in rows("courts") if row.about["cercle"]]
    assert placed
    assert all(map(is_cercle, placed))


def test_every_holiday_falls_on_a_day_in_some_year_of_its_law() -> None:
    for row in rows("holidays"):
        years = range(row.valid_from.year if row.valid_from else 2005, 2031)
        days = [day for year in years if (day := day_of(row, year)) and row.is_valid(day)]
        assert days, row.code


@pytest.mark.parametrize("year", [date.min.year, 999, date.max.year])
def test_no_year_of_the_calendar_is_too_far_away_to_be_asked_for(year: int) -> None:
    assert {day.year for row in rows("holidays") if (day := day_of(row, year))} == {year}


@pytest.mark.parametrize("monday", EASTER_MONDAYS)
def test_easter_monday_falls_where_the_tables_have_it(monday: str) -> None:
    assert [row.code for row in valid("holidays", date.fromisoformat(monday))] == ["easter_monday"]


def test_a_movable_feast_is_known_in_the_year_that_a_source_dates_and_guessed_in_none() -> None:
    assert is_holiday(date(2023, 9, 28))
    assert is_holiday(date(2023, 1, 14))
    assert not is_holiday(date(2025, 1, 14)), "by communiqué no day off"
    first = date(2027, 1, 1)
    known = [day for n in range(365) if is_holiday(day := first + timedelta(days=n))]
    assert [f"{day:%m-%d}" for day in known] == [
        "01-01", "01-20", "03-26", "03-29", "05-01", "05-25", "09-22", "12-25",
    ]  # fmt: skip


def test_the_criminal_chambers_follow_the_assize_courts_without_a_day_between() -> None:
    last = date(2025, 6, 12)
    before, after = ({row.about["court"] for row in valid("courts", last + timedelta(days=n))}
                     for n in (0, 1))  # fmt: skip
    assert before - after == {"assize_court"}
    assert after - before == {"high_court_criminal", "appeal_court_criminal"}


def test_a_code_is_out_of_force_by_the_day_alone_and_another_offence_never_is() -> None:
    day = date(2001, 12, 31)
    assert out_of_force({"offence_class": "slavery_practices", "court": None}, day)
    assert out_of_force({"offence_class": "other"}, day) is None
    assert out_of_force({"on": "2026-11-20"}, day) is None
    assert out_of_force({"court": "no_such_court"}, day) == "court", "unknown fails closed"


def test_a_court_that_is_no_more_is_known_after_its_last_day_only_to_what_ends_a_trial() -> None:
    day = date(2026, 2, 10)
    assert out_of_force({"court": "assize_court"}, day) == "court"
    assert out_of_force({"court": "assize_court"}, day, ends=True) is None
    assert out_of_force({"court": "high_court_criminal"}, date(2025, 1, 1), ends=True) == "court"


@pytest.mark.parametrize("list_name", LISTS)
def test_every_source_is_an_address_that_a_reader_can_follow(list_name: str) -> None:
    for row in rows(list_name):
        assert all(part.startswith(("https://", "http://")) for part in row.source.split()), row


def test_a_list_that_nobody_keeps_is_a_clear_error() -> None:
    with pytest.raises(UnknownReference, match="offences, courts, holidays"):
        rows("penalties")
