"""Reads the cells of one row by the rules of their columns and collects every fault it finds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from contracts.vocabulary import allowed, codes, htcds_to_code
from services.intake.imports.cells import Cell, as_day, as_number, as_text, as_yes_no
from services.intake.imports.columns import columns

_OLDEST = date(1900, 1, 1)
_UNKNOWN_RULES = {
    "country": "unknown_country",
    "service": "unknown_service",
    "region": "unknown_region",
    "cercle": "unknown_cercle",
    "urgency": "unknown_urgency",
}
# Spaces around them are stripped afterwards: a pattern that takes them along tries every split of
# a long run of spaces.
_SEPARATORS = re.compile(r"[;|,\n]")
# No label has more than three; without a limit the work grows with the cube of what is written.
_MOST_PIECES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a row was refused: the row as the spreadsheet numbers it, the column, the rule broken.

    `sentence` names the rule for a person and never repeats what stands in the cell.
    """

    row: int
    column: str
    rule: str
    sentence: str


@dataclass(slots=True, kw_only=True)
class RowReader:
    """The cells of one row that hold something, by column code; `refusals` grows as they are read."""

    number: int
    cells: Mapping[str, Cell]
    today: date
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, column: str, rule: str, sentence: str) -> None:
        """Notes one fault; the same fault of a column is noted once."""
        fault = Refusal(row=self.number, column=column, rule=rule, sentence=f"{column} {sentence}")
        if fault not in self.refusals:
            self.refusals.append(fault)

    def text(self, column: str) -> str:
        """The value as a person reads it, empty if the cell is."""
        return as_text(self.cells[column]) if column in self.cells else ""

    def day(self, column: str) -> date | None:
        """A day since 1900; one that has not come yet only where the column may hold a plan."""
        if column not in self.cells:
            return None
        day = as_day(self.cells[column])
        if day is None:
            self.refuse(column, "not_a_date", "must be a date: YYYY-MM-DD or DD/MM/YYYY.")
        elif day < _OLDEST:
            self.refuse(column, "date_before_1900", "must not lie before 1900.")
        elif day > self.today and columns()[column].holds == "past_day":
            self.refuse(column, "date_in_future", "must not lie in the future.")
        else:
            return day
        return None

    def number_text(self, column: str) -> str:
        """The number as it was written, empty if the cell is or holds something else."""
        if column in self.cells and as_number(self.cells[column]) is None:
            self.refuse(column, "not_a_number", "must be a number.")
            return ""
        return self.text(column)

    def yes_no(self, column: str) -> bool | None:
        """Yes, no, or None where nothing (or nothing readable) was said."""
        if column not in self.cells:
            return None
        answer = as_yes_no(self.cells[column])
        if answer is None:
            self.refuse(column, "not_yes_or_no", "must be yes or no.")
        return answer

    def code(self, column: str) -> str | None:
        """Our code for the one value of the cell."""
        found = self.codes(column)
        if len(found) > 1:
            self.refuse(column, "one_value_only", "must hold one value only.")
        return found[0] if found else None

    def codes(self, column: str) -> list[str]:
        """Our codes for all values of the cell, each once, in the order written."""
        list_name = columns()[column].list_name
        text = _with_leading_zeros(self.text(column), list_name)
        found, complete = split_codes(list_name, text)
        if not complete:
            rule = _UNKNOWN_RULES.get(list_name, "unknown_code")
            sentence = f"holds a value outside the list {list_name}; allowed: {allowed(list_name)}."
            self.refuse(column, rule, sentence)
        return found


def split_codes(list_name: str, text: str) -> tuple[list[str], bool]:
    """The codes that a text names, and whether that is all of it.

    Values are parted by `;`, `|`, `,` or a new line. IOM's own labels contain commas and
    semicolons ("Water supply; sewerage, waste management and remediation"), so the longest run of
    pieces that is a known value counts as one value.
    """
    pieces = pieces_of(text)
    found: dict[str, None] = {}
    complete = True
    start = 0
    while start < len(pieces):
        code, end = _longest(list_name, pieces, start)
        if code is None:
            complete = False
        else:
            found[code] = None
        start = end
    return list(found), complete


def pieces_of(text: str) -> list[str]:
    """What stands between separators, without the spaces around it."""
    return [piece for part in _SEPARATORS.split(text) if (piece := part.strip())]


def _longest(list_name: str, pieces: list[str], start: int) -> tuple[str | None, int]:
    for end in range(min(len(pieces), start + _MOST_PIECES), start, -1):
        code = htcds_to_code(list_name, " ".join(pieces[start:end]))
        if code is not None:
            return code, end
    return None, start + 1


def _with_leading_zeros(text: str, list_name: str) -> str:
    # A spreadsheet turns the region 01 into the number 1, and the cercle 0101 into 101.
    if list_name in ("region", "cercle") and text.isdecimal():
        return text.zfill(len(codes(list_name)[0]))
    return text
