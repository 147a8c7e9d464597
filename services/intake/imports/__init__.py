"""Imports cases from IOM's HTCDS 2.0 workbooks and from CSV files with the same codes."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from contracts.incidents import INCIDENT_PERSONS
from services.intake.imports.cells import Cell, is_blank
from services.intake.imports.errors import (
    EncryptedFile,
    ImportFileError,
    NotHtcds,
    UnreadableFile,
)
from services.intake.imports.header import Sheet, column_letter, find_sheet
from services.intake.imports.reader import Refusal, RowReader
from services.intake.imports.rows import Submission, read_company, read_submission
from services.intake.imports.sheets import read_grids

__all__ = [
    "EncryptedFile",
    "ImportFileError",
    "NotHtcds",
    "Refusal",
    "Row",
    "Submission",
    "UnreadableFile",
    "file_digest",
    "incident_key",
    "read_cases",
    "row_key",
]

# What intake takes for one value of a dossier.
MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One filled row as the spreadsheet numbers it: a submission, or else why there is none.

    incident, family: equal for those who belong together, by the sheet's own words.
    """

    number: int
    submission: Submission | None
    refusals: tuple[Refusal, ...] = ()
    incident: str | None = None
    family: str | None = None


def read_cases(content: bytes, *, today: date) -> list[Row]:
    """Every filled row of a workbook (.xlsx, .xlsm) or CSV file, in order; blank rows are skipped.

    `today` is the day against which ages and future dates are judged. A bad row refuses itself
    and nobody else; raises ImportFileError if the file as a whole cannot be read.
    """
    sheet = find_sheet(read_grids(content))
    read = (_row(sheet, sheet.first + offset, today=today) for offset in range(len(sheet.rows)))
    return _with_limit([row for row in read if row is not None])


def file_digest(content: bytes) -> str:
    """The SHA-256 of a file in hexadecimal: what makes a second import of it recognisable."""
    return sha256(content).hexdigest()


def row_key(digest: str, row_number: int) -> str:
    """The idempotency key of one row of the file with this digest."""
    return f"{digest}-{row_number}"


def incident_key(digest: str, first_row: int) -> str:
    """The idempotency key of the incident whose first row, refused or not, this is."""
    return f"{digest}-incident-{first_row}"


def _with_limit(rows: list[Row]) -> list[Row]:
    """Whoever comes after the last that an incident may bring is refused."""
    counted: Counter[str] = Counter()
    kept = []
    for row in rows:
        if row.incident is not None and row.submission is not None:
            counted[row.incident] += 1
            if counted[row.incident] > INCIDENT_PERSONS:
                kept.append(_one_too_many(row))
                continue
        kept.append(row)
    return kept


def _one_too_many(row: Row) -> Row:
    column = "siraba_incident"
    sentence = f"{column} must not bring more than {INCIDENT_PERSONS} persons."
    refusal = Refusal(row=row.number, column=column, rule="incident_too_large", sentence=sentence)
    return replace(row, submission=None, refusals=(refusal,))


def _row(sheet: Sheet, number: int, *, today: date) -> Row | None:
    row = sheet.rows[number - sheet.first]
    cells = {code: cell for code, cell in zip(sheet.codes, row, strict=False) if code}
    filled = {code: cell for code, cell in cells.items() if not is_blank(cell)}
    reader = RowReader(number=number, cells=filled, today=today)
    surplus = _refuse_surplus(reader, row, width=len(sheet.codes))
    _refuse_long(reader)
    if not filled and not surplus:
        return None
    submission = read_submission(reader)
    incident, family = read_company(reader)
    is_good = not reader.refusals
    return Row(
        number=number,
        submission=submission if is_good else None,
        refusals=tuple(reader.refusals),
        incident=incident,
        family=family,
    )


def _refuse_surplus(reader: RowReader, row: list[Cell], *, width: int) -> bool:
    """In CSV, values beyond the last column mean that an unquoted comma has shifted the row."""
    beyond = [width + i for i, cell in enumerate(row[width:]) if not is_blank(cell)]
    for index in beyond[:1]:
        sentence = "lies beyond the last named column; is a value with a comma not quoted?"
        reader.refuse(f"column_{column_letter(index)}", "too_many_cells", sentence)
    return bool(beyond)


def _refuse_long(reader: RowReader) -> None:
    for column in reader.cells:
        if len(reader.text(column)) > MAX_TEXT:
            reader.refuse(column, "too_long", f"must not be longer than {MAX_TEXT} characters.")
