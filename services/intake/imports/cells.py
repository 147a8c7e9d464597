"""Turns what a spreadsheet cell holds into text, days, numbers and answers, without guessing."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta

Cell = str | bool | int | float | date | datetime | time | timedelta

_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00)?)?")
# Written dates are read as in Mali, day first; month-first dates cannot be told apart from them.
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_YES = frozenset({"true", "yes", "oui", "vrai", "1"})
_NO = frozenset({"false", "no", "non", "faux", "0"})


def is_blank(cell: Cell) -> bool:
    """Whether the cell holds nothing a person would call a value."""
    return isinstance(cell, str) and not cell.strip()


def as_text(cell: Cell) -> str:
    """The value as a person reads it: dates in ISO form, whole numbers without a decimal point."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return (cell.date() if cell.time() == time() else cell).isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return unicodedata.normalize("NFC", str(cell)).strip()


def as_day(cell: Cell) -> date | None:
    """The day a cell names: a date cell, `2026-11-24` or `24/11/2026`; None for anything else."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    return _written_day(cell.strip()) if isinstance(cell, str) else None


def as_number(cell: Cell) -> float | None:
    """The number in a cell, with a decimal point or comma; None for anything else."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return float(cell)
    written = as_text(cell).replace(",", ".")
    return float(written) if re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,10})?", written) else None


def as_yes_no(cell: Cell) -> bool | None:
    """Yes or no in English, French or spreadsheet form; None for anything else."""
    word = as_text(cell).casefold()
    if word in _YES:
        return True
    return False if word in _NO else None


def _written_day(text: str) -> date | None:
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = found.groups()
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = found.groups()
    else:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
