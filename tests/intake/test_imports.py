import os
from datetime import date
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.form import CaseSubmission
from contracts.vocabulary import codes, entry
from services.intake.imports import (
    EncryptedFile,
    ImportFileError,
    NotHtcds,
    Refusal,
    Row,
    UnreadableFile,
    file_digest,
    read_cases,
    row_key,
)
from services.intake.imports.columns import columns
from services.intake.imports.reader import split_codes
from services.intake.imports.rows import age_band
from tests.intake.filled_forms import TODAY, Filled, blank_form, fill, filled_rows, iom_form
from tests.ledger import Figure

IOM_FORMS = ("htcds-v2.0.xlsx", "htcds-v2.0-single-select.xlsx")
SEED = 20261124


def read(text: str) -> list[Row]:
    return read_cases(text.encode(), today=TODAY)


def faults(text: str) -> set[tuple[str, str]]:
    return {(f.column, f.rule) for row in read(text) for f in row.refusals}


def misread(row: Row, filled: Filled) -> bool:
    if filled.fault is None:
        return row.submission != filled.expected
    column, rule = filled.fault
    return [(f.row, f.column, f.rule) for f in row.refusals] != [(row.number, column, rule)]


def check(content: bytes, placed: dict[int, Filled]) -> int:
    rows = read_cases(content, today=TODAY)
    assert [row.number for row in rows] == list(placed)
    assert sum(row.submission is not None for row in rows) == 180
    assert sum(bool(row.refusals) for row in rows) == 20
    assert len({(f.column, f.rule) for row in rows for f in row.refusals}) == 10
    return sum(misread(row, placed[row.number]) for row in rows)


def test_two_hundred_rows_in_the_shape_of_ioms_form_are_read_to_the_cell(figure: Figure) -> None:
    content, placed = fill(blank_form(), filled_rows(SEED))
    figure("road.import.misread", check(content, placed), seed=SEED)


@pytest.mark.filterwarnings("ignore:Data Validation extension is not supported")
@pytest.mark.parametrize("name", IOM_FORMS)
def test_two_hundred_rows_in_ioms_own_blank_workbook_are_read_to_the_cell(name: str) -> None:
    shared = os.environ.get("SIRABA_SHARED")
    if not shared:
        pytest.skip("IOM's own workbooks are not here: SIRABA_SHARED is not set")
    content, placed = fill(iom_form(Path(shared), name), filled_rows(SEED + 1))
    assert check(content, placed) == 0


def test_intake_takes_every_submission_as_it_is() -> None:
    content, _ = fill(blank_form(), filled_rows(SEED + 2))
    for row in read_cases(content, today=TODAY):
        if row.submission is not None:
            assert CaseSubmission.model_validate(row.submission).dossier


def test_a_blank_form_has_no_cases() -> None:
    content, _ = fill(blank_form(), [])
    assert read_cases(content, today=TODAY) == []


def test_every_fault_of_a_row_is_reported_and_no_other_row_suffers() -> None:
    head = "prs_Gender,prs_Citizenship,prs_Birthdate,siraba_region,siraba_urgency,siraba_consent\n"
    wrong = ",Atlantide,2090-01-01,77,demain,dieu=given;police\n"
    first, second = read(head + wrong + "Feminine,MLI,,,,\n")
    assert first.submission is None
    assert {(f.column, f.rule) for f in first.refusals} == {
        ("prs_Gender", "required"),
        ("prs_Citizenship", "unknown_country"),
        ("prs_Birthdate", "date_in_future"),
        ("siraba_region", "unknown_region"),
        ("siraba_urgency", "unknown_urgency"),
        ("siraba_consent", "unknown_consent_kind"),
        ("siraba_consent", "unknown_consent_state"),
    }
    assert second.submission is not None


def test_no_refusal_repeats_what_stands_in_the_cell() -> None:
    secret = "Zz secret 7731"
    checked = [name for name, column in columns().items() if column.holds != "text"]
    (row,) = read(",".join(checked) + "\n" + ",".join([secret] * len(checked)) + "\n")
    assert {fault.column for fault in row.refusals} == set(checked)
    for fault in row.refusals:
        assert secret not in fault.sentence
        assert fault.sentence.startswith(fault.column)
        assert fault.sentence.endswith(".")


def test_a_row_without_our_columns_is_a_case_that_asks_nobody() -> None:
    (row,) = read("prs_Gender,prs_Citizenship\nMasculine,Mali\n")
    assert row.submission is not None
    assert row.submission["needs"] == []
    assert row.submission["consent"] == []
    assert row.submission["region"] is None
    assert row.submission["detected_on"] == TODAY.isoformat()
    assert row.submission["exploitation"] == ["to_be_determined"]


def test_needs_without_consent_are_allowed() -> None:
    (row,) = read("prs_Gender,prs_Citizenship,siraba_needs\nMasculine,MLI,shelter\n")
    assert row.submission is not None
    assert row.submission["needs"] == ["shelter"]


@pytest.mark.parametrize(
    ("head", "cells", "fault"),
    [
        ("siraba_detected_on,prs_Birthdate", "2001-01-01,2002-01-01",
         ("siraba_detected_on", "detected_before_birth")),
        ("siraba_consent", "police=given;police=refused", ("siraba_consent", "consent_twice")),
        ("siraba_consent,con_Consent", "police=given,no",
         ("siraba_consent", "consent_contradicted")),
        ("siraba_region", "01;12", ("siraba_region", "one_value_only")),
        ("siraba_cercle", "9999", ("siraba_cercle", "unknown_cercle")),
        ("siraba_risk", "enorme", ("siraba_risk", "unknown_code")),
        ("con_Consent", "peut-être", ("con_Consent", "not_yes_or_no")),
        ("cas_IncomingReferralDate", "2027-01-01", ("cas_IncomingReferralDate", "date_in_future")),
        ("prs_Birthdate", "39083", ("prs_Birthdate", "not_a_date")),
        ("vic_AgeWhenTrafficked", "jeune", ("vic_AgeWhenTrafficked", "not_a_number")),
        ("cco_CaseComment", "x" * 10_001, ("cco_CaseComment", "too_long")),
        ("cas_CaseOwner", "Diallo,one,two", ("column_D", "too_many_cells")),
    ],
)  # fmt: skip
def test_a_rule_is_named_with_its_column(head: str, cells: str, fault: tuple[str, str]) -> None:
    text = f"prs_Gender,prs_Citizenship,{head}\nFeminine,MLI,{cells}\n"
    assert faults(text) == {fault}


def test_more_than_ten_citizenships_are_refused() -> None:
    many = ";".join(codes("country")[:11])
    fault = ("prs_Citizenship", "too_many_values")
    assert faults(f"prs_Gender,prs_Citizenship\nFeminine,{many}\n") == {fault}


def test_an_adult_with_an_armed_group_is_not_counted_as_a_child() -> None:
    head = "prs_Gender,prs_Citizenship,vic_TypeOfExploitation,prs_Birthdate\n"
    kind = "Forced military (by non-state actors)"
    child, adult = read(f"{head}Masculine,MLI,{kind},2012-01-01\nMasculine,MLI,{kind},1990-01-01\n")
    assert child.submission is not None
    assert adult.submission is not None
    assert child.submission["exploitation"] == ["child_with_armed_group"]
    assert adult.submission["exploitation"] == ["other"]


def test_a_cercle_says_its_region() -> None:
    (row,) = read("prs_Gender,prs_Citizenship,siraba_cercle\nFeminine,MLI,1201\n")
    assert row.submission is not None
    assert row.submission["region"] == "12"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_is_read_in_every_dress_that_spreadsheets_give_it(
    delimiter: str, encoding: str
) -> None:
    lines = (
        ["prs_FirstName", "prs_Gender", "prs_Citizenship", "vic_MethodsOfControl"],
        ["First Name", "Gender", "Citizenship", "Methods of Control"],
        ["Djénéba", "Feminine", "Mali", '"False promises;TakesEarnings"'],
    )
    text = "\r\n".join(delimiter.join(line) for line in lines)
    (row,) = read_cases(text.encode(encoding), today=TODAY)
    assert row.number == 3
    assert row.submission is not None
    assert row.submission["dossier"]["identity"]["prs_FirstName"] == "Djénéba"
    kept = row.submission["dossier"]["exploitation"]["vic_MethodsOfControl"]
    assert kept == "false_promises;takes_earnings"


def saved(*sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for index, rows in enumerate(sheets):
        sheet = book.worksheets[0] if index == 0 else book.create_sheet()
        for row in rows:
            sheet.append(row)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


CASES: list[list[object]] = [["prs_Gender", "prs_Citizenship"], ["Feminine", "MLI"]]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", NotHtcds, "first row"),
        (b"nom,prenom\nA,B\n", NotHtcds, "prs_Gender"),
        (b"prs_Gender,prs_FirstName\nFeminine,A\n", NotHtcds, "prs_Citizenship"),
        (b"\x00\x01\x81\x8d", UnreadableFile, "neither"),
        (b"PK\x03\x04 broken", UnreadableFile, "damaged"),
        (saved(CASES)[:-200], UnreadableFile, "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
         EncryptedFile, "password"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", UnreadableFile, "old Excel"),
        (b'prs_Gender,prs_Citizenship\n"Feminine,MLI\n', UnreadableFile, "line"),
        (b"prs_Gender,prs_Citizenship,prs_gender\n", UnreadableFile, "A and C"),
        (saved(CASES, CASES), UnreadableFile, "Two sheets"),
        (b"prs_Gender,prs_Citizenship\n" + b" " * 20 * 1024**2, UnreadableFile, "larger"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(
    content: bytes, error: type[ImportFileError], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_cases(content, today=TODAY)


def test_columns_that_nobody_knows_are_kept_apart_and_whole() -> None:
    content = saved([["", "prs_Gender", "prs_Citizenship", "", "Note", "Note"],
                     ["moi", "Feminine", "MLI", "sans titre", "une", "deux"]])  # fmt: skip
    (row,) = read_cases(content, today=TODAY)
    assert row.submission is not None
    assert row.submission["dossier"]["other"] == {
        "column_A": "moi", "column_D": "sans titre", "Note": "une", "Note (F)": "deux",
    }  # fmt: skip


def test_the_key_of_a_row_names_the_file_and_the_row() -> None:
    digest = file_digest(b"abc")
    assert row_key(digest, 7) == f"{digest}-7"
    assert file_digest(b"abd") != digest


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (None, "unknown"), (TODAY, "0-4"), (date(2021, 11, 25), "0-4"), (date(2021, 11, 24), "5-8"),
        (date(2008, 11, 25), "15-17"), (date(2008, 11, 24), "18-24"), (date(1966, 11, 24), "60+"),
    ],
)  # fmt: skip
def test_an_age_band_changes_on_the_birthday(born: date | None, band: str) -> None:
    assert age_band(born, TODAY) == band


CODED_LISTS = ("labour_industry", "control_method", "recruitment_method", "country")


@given(st.data())
def test_every_spelling_of_any_values_in_one_cell_is_found_again(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(CODED_LISTS))
    wanted = data.draw(st.lists(st.sampled_from(codes(name)), max_size=6, unique=True))
    mark = data.draw(st.sampled_from([";", "; ", "|", ",", "\n"]))
    spelt = [
        data.draw(st.sampled_from([entry(name, c).code, entry(name, c).en, entry(name, c).fr]))
        for c in wanted
    ]
    assert split_codes(name, mark.join(spelt)) == (wanted, True)


@given(st.lists(st.text(max_size=30), min_size=6, max_size=6))
def test_no_text_in_a_cell_can_break_the_import(values: list[str]) -> None:
    head = ["prs_Gender", "prs_Citizenship", "prs_Birthdate", "siraba_consent", "siraba_cercle",
            "prs_FirstName"]  # fmt: skip
    quoted = ",".join('"' + value.replace("\0", "").replace('"', '""') + '"' for value in values)
    content = f"{','.join(head)}\n{quoted}\n".encode("utf-8", "replace")
    for row in read_cases(content, today=TODAY):
        assert (row.submission is None) == bool(row.refusals)
        assert all(isinstance(fault, Refusal) for fault in row.refusals)
