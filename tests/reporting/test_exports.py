"""What UNODC gets: 13 columns, the numbers of the report, and nothing that the report hides."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from contracts.vocabulary import codes
from services.reporting.domain import Window
from services.reporting.domain.disclosure import PUBLIC_K, is_small
from services.reporting.exports import COLUMNS, dictionary_beside, glotip_rows, write_export
from services.reporting.exports.glotip import HIDDEN, TOTAL
from services.reporting.use_cases.indicating import count_indicator
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Happenings, Roles, take
from tests.reporting.test_report import AS_OF, PERSONS, draw, edition

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
WINDOW = Window(start=date(2026, 1, 1), end=date(2027, 1, 1), as_of=AS_OF)
Lines = Sequence[Mapping[str, str]]


def a_year_with_justice() -> Happenings:
    """124 victims, three of them men; 30 suspects, 14 of them convicted; one file of each."""
    happened = Happenings()
    people = [one for *one, count in PERSONS for _ in range(count)]
    for case, (region, sex, age_band) in enumerate(people):
        facts = {"region": region, "sex": sex, "age_band": age_band, "victim_status": "identified"}
        happened.registered(
            case, minutes=case, citizenship=() if case % 5 == 0 else ("MLI",), **facts
        )
    for suspect in range(30):
        happened.filed(suspect, suspect, "charged", minutes=200 + suspect)
        happened.suspected(suspect, suspect, minutes=300 + suspect)
        verdict = "convicted" if suspect < 14 else "acquitted"
        sentences = {} if suspect < 14 else {"sentences": (), "months": 0}
        happened.judged(suspect, suspect, minutes=400 + suspect, verdict=verdict, **sentences)
    return happened


async def exported(roles: Roles, out: Path) -> Lines:
    """The year as the file says it."""
    await take(roles.work, a_year_with_justice().events)
    write_export(out, COLUMNS, glotip_rows(await draw(roles, edition(year=2026))))
    return read(out)


def read(path: Path) -> Lines:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def small(lines: Lines) -> list[int]:
    """What is shown and points at somebody."""
    shown = [int(one["value"]) for one in lines if one["value"] != HIDDEN]
    return [value for value in shown if is_small(value, PUBLIC_K)]


def wholes(lines: Lines) -> dict[str, str]:
    return {
        one["indicator"]: one["value"]
        for one in lines
        if (one["category"], one["sex"], one["age"]) == (TOTAL, TOTAL, TOTAL)
    }


async def test_the_file_adds_up_with_the_indicators(roles: Roles, tmp_path: Path) -> None:
    lines = await exported(roles, tmp_path / "glotip.csv")

    assert [*lines[0]] == [name for name, _, _ in COLUMNS]
    assert len(COLUMNS) == 13
    for words, code in (
        ("Detected trafficking victims", "V2"),
        ("Offences recorded", "J1"),
        ("Persons in formal contact with the police", "J2"),
        ("Persons prosecuted", "J3S"),
    ):
        counted = await count_indicator(roles.web, code, WINDOW, dimension=None)
        assert wholes(lines)[words] == str(counted.whole.value), words
    verdicts = await count_indicator(roles.web, "J4", WINDOW, dimension="verdict")
    assert wholes(lines)["Persons convicted"] == str(verdicts.parts["convicted"].value) == "14"
    groups = [one for one in lines if one["dimension"] == "by sex and age"]
    assert {(one["sex"], one["age"]): one["value"] for one in groups} == {
        ("Female", "0 to 17 years"): "40",
        ("Male", "0 to 17 years"): "30",
        ("Female", "18 years or over"): "39",
        ("Male", "18 years or over"): HIDDEN,
        # Who is not known is not given out as anybody, and would tell of the three men.
        ("Unknown", "Unknown"): HIDDEN,
    }
    forms = {one["category"]: one["value"] for one in lines if "form of" in one["dimension"]}
    assert len(forms) == len(codes("exploitation"))
    assert forms["Forced labour: Forced domestic work"] == "124"
    assert small(lines) == []


async def test_the_same_year_again_is_the_same_file(roles: Roles, tmp_path: Path) -> None:
    await exported(roles, tmp_path / "first.csv")
    write_export(
        tmp_path / "again.csv", COLUMNS, glotip_rows(await draw(roles, edition(year=2026)))
    )
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_every_column_is_in_the_dictionary_with_its_source(tmp_path: Path) -> None:
    write_export(tmp_path / "one.csv", COLUMNS, [])
    said = read(dictionary_beside(tmp_path / "one.csv"))
    assert [one["column"] for one in said] == [name for name, _, _ in COLUMNS]
    assert all(one["meaning"] and one["source"] for one in said)


def test_an_export_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "one.csv"

    def broken() -> Iterator[tuple[int]]:
        yield (1,)
        raise KeyError

    with pytest.raises(KeyError):
        write_export(out, COLUMNS, broken())
    assert list(tmp_path.iterdir()) == []
    out.write_text("mine")
    with pytest.raises(FileExistsError):
        write_export(out, COLUMNS, [])
    assert out.read_text() == "mine"
    assert not dictionary_beside(out).exists()
