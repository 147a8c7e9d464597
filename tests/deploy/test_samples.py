from datetime import date
from pathlib import Path

from contracts.intake import CodedCase
from deploy.samples.make_samples import SAMPLE, sample_rows, write_form
from deploy.samples.people import REFERENCE_DAY
from services.intake.imports import read_cases

TODAY = date(2026, 11, 24)


def test_the_sample_is_thirty_cases_that_intake_can_register() -> None:
    rows = read_cases(SAMPLE.read_bytes(), today=TODAY)
    assert [row.number for row in rows] == list(range(3, 33))
    for row in rows:
        assert row.refusals == ()
        assert row.submission is not None
        facts = {key: value for key, value in row.submission.items() if key != "dossier"}
        CodedCase.model_validate(facts)
        identity = row.submission["dossier"]["identity"]
        assert identity["prs_FirstName"] not in str(facts)
        assert identity["prs_Birthdate"] not in str(facts)


def test_the_sample_has_what_the_demo_wants_to_show() -> None:
    cases = [row.submission for row in read_cases(SAMPLE.read_bytes(), today=TODAY)]
    found = [case for case in cases if case is not None]
    assert len({case["region"] for case in found if case["needs"]}) >= 6
    assert sum(case["risk"] == "high" for case in found) >= 3
    assert sum(not case["needs"] for case in found) >= 3
    refused = [c for case in found for c in case["consent"] if c["state"] == "refused"]
    assert len(refused) >= 5
    assert {case["sex"] for case in found} == {"female", "male"}


def test_the_sample_is_what_its_plan_writes(tmp_path: Path) -> None:
    again = tmp_path / "again.xlsx"
    write_form(again, sample_rows())
    committed = read_cases(SAMPLE.read_bytes(), today=TODAY)
    assert read_cases(again.read_bytes(), today=TODAY) == committed


def test_no_birthday_of_the_sample_changes_an_age_band_within_a_year() -> None:
    later = REFERENCE_DAY.replace(year=REFERENCE_DAY.year + 1)
    content = SAMPLE.read_bytes()
    bands = [
        [row.submission["age_band"] for row in read_cases(content, today=day) if row.submission]
        for day in (REFERENCE_DAY, later)
    ]
    assert bands[0] == bands[1]
