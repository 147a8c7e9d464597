"""What UNODC, CTDC and IOM get: their columns, the report's numbers, and nothing that it hides."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from contracts.vocabulary import codes
from services.reporting.domain import Window
from services.reporting.domain.disclosure import PUBLIC_K, is_small
from services.reporting.exports import EXPORTS, HIDDEN, dictionary_beside, write_export
from services.reporting.exports.ctdc import MISSING
from services.reporting.exports.glotip import GLOTIP, TOTAL
from services.reporting.use_cases.drawing import Drawn
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


async def exported(roles: Roles, out: Path, name: str = "glotip") -> Lines:
    """The year as the file says it."""
    await take(roles.work, a_year_with_justice().events)
    write_export(out, EXPORTS[name], await draw(roles, edition(year=2026)))
    return read(out)


def read(path: Path) -> Lines:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def small(lines: Lines, column: str = "value") -> list[int]:
    """What is shown and points at somebody."""
    shown = [int(one[column]) for one in lines if one[column] != HIDDEN]
    return [value for value in shown if is_small(value, PUBLIC_K)]


def wholes(lines: Lines) -> dict[str, str]:
    return {
        one["indicator"]: one["value"]
        for one in lines
        if (one["category"], one["sex"], one["age"]) == (TOTAL, TOTAL, TOTAL)
    }


async def test_the_file_adds_up_with_the_indicators(roles: Roles, tmp_path: Path) -> None:
    lines = await exported(roles, tmp_path / "glotip.csv")

    assert [*lines[0]] == [name for name, _, _ in GLOTIP.columns]
    assert len(GLOTIP.columns) == 13
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


@pytest.mark.parametrize("name", ["ctdc", "htcds"])
async def test_no_row_of_an_export_is_a_person(roles: Roles, tmp_path: Path, name: str) -> None:
    told = await exported(roles, tmp_path / "one.csv", name)

    assert [*told[0]] == [column for column, _, _ in EXPORTS[name].columns]
    assert small(told, "count") == []
    assert "124" in {one["count"] for one in told}
    # The three men, and who is not known, as the report hides them.
    assert {one["code"]: one["count"] for one in told if one["count"] == HIDDEN}.keys() == {
        "man",
        "unknown",
    }


async def test_ctdc_gets_its_columns_and_no_attribute_that_a_number_is_not_about(
    roles: Roles, tmp_path: Path
) -> None:
    told = {
        (one["dimension"], one["code"]): one
        for one in await exported(roles, tmp_path / "ctdc.csv", "ctdc")
    }

    girls, work = told["group", "girl"], told["exploitation", "domestic_work"]
    assert (girls["gender"], girls["majorityStatus"], girls["count"]) == ("Female", "Minor", "40")
    assert girls["isForcedLabour"] == girls["citizenship"] == MISSING
    assert (work["isForcedLabour"], work["typeOfLabourDomesticWork"]) == ("1", "1")
    assert (work["typeOfExploitConcatenated"], work["gender"]) == ("Forced Labour", MISSING)
    assert {one["yearOfRegistration"] for one in told.values()} == {"2026"}
    assert {code for dimension, code in told if dimension == "exploitation"} == {
        *codes("exploitation"),
        "unknown",
    }


async def test_htcds_gets_each_number_under_its_own_field_and_value(
    roles: Roles, tmp_path: Path
) -> None:
    told = await exported(roles, tmp_path / "htcds.csv", "htcds")
    said = {(one["field"], one["value"], one["code"]): one for one in told}

    assert said["prs_Gender", "Feminine", "girl"]["count"] == "40"
    assert said["vic_TypeOfExploitation", "ForcedLabour", "domestic_work"]["count"] == "124"
    assert said["vic_TraffickingStatus", "ActualVictimOfTrafficking", ""]["count"] == "124"
    assert {one["unit"] for one in told} == {"persons", "referrals"}


@pytest.mark.parametrize("name", EXPORTS)
async def test_the_same_year_again_is_the_same_file(
    roles: Roles, tmp_path: Path, name: str
) -> None:
    await exported(roles, tmp_path / "first.csv", name)
    write_export(tmp_path / "again.csv", EXPORTS[name], await draw(roles, edition(year=2026)))
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


async def test_every_column_is_in_the_dictionary_and_an_export_is_whole_or_not_there(
    roles: Roles, tmp_path: Path
) -> None:
    await take(roles.work, a_year_with_justice().events)
    drawn, out = await draw(roles, edition(year=2026)), tmp_path / "one.csv"
    for name, export in EXPORTS.items():
        _, dictionary = write_export(tmp_path / f"{name}.csv", export, drawn)
        said = read(dictionary)
        assert [one["column"] for one in said] == [column for column, _, _ in export.columns]
        assert all(one["meaning"] and one["source"] for one in said)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyError):
        write_export(out, GLOTIP._replace(rows=broken), drawn)
    assert sorted(tmp_path.iterdir()) == before
    out.write_text("mine")
    with pytest.raises(FileExistsError):
        write_export(out, GLOTIP, drawn)
    assert out.read_text() == "mine"
    assert not dictionary_beside(out).exists()


def broken(_: Drawn) -> Iterator[tuple[int]]:
    yield (1,)
    raise KeyError
