"""Turns a part of a dossier into what a person reads: words for codes, days for dates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from contracts.vocabulary import codes, label
from services.intake.imports.columns import columns
from services.intake.pages.words import FIELDS, SECTIONS

#: What our own form ticks under `indicators`, where others write freely.
SIGNS = "forced_labour_sign"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACES = {name: place for place, name in enumerate((*SECTIONS, *FIELDS))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One field: its label for gettext, and what it holds; a page writes days and yes or no."""

    label: str
    value: str | date | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One section: its heading for gettext, and its lines."""

    heading: str
    lines: tuple[Line, ...]


def in_words(content: Mapping[str, Mapping[str, str]], language: str) -> list[Part]:
    """Sections and fields in the order of their reading; what was left empty is not shown.

    Raises KeyError for a section or field without words: the policy opens none.
    """
    parts = [
        Part(heading=SECTIONS[name], lines=_lines(content[name], language))
        for name in sorted(content, key=_PLACES.__getitem__)
    ]
    return [part for part in parts if part.lines]


def _lines(held: Mapping[str, str], language: str) -> tuple[Line, ...]:
    return tuple(
        Line(label=FIELDS[name], value=_value(name, held[name].strip(), language))
        for name in sorted(held, key=_PLACES.__getitem__)
        if held[name].strip()
    )


def _value(name: str, text: str, language: str) -> str | date | bool:
    """Imports leave codes, ISO days and true or false in the columns that HTCDS has for them."""
    if name == "indicators" and set(text.split(";")) <= set(codes(SIGNS)):
        return ", ".join(label(SIGNS, code, language) for code in text.split(";"))
    column = columns().get(name)
    if column is not None and column.list_name:
        return ", ".join(_label(column.list_name, code, language) for code in text.split(";"))
    if column is not None and column.holds == "yes_no" and text in ("true", "false"):
        return text == "true"
    return _day(text) or text


def _label(list_name: str, code: str, language: str) -> str:
    return label(list_name, code, language) if code in codes(list_name) else code


def _day(text: str) -> date | None:
    if _DAY.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
