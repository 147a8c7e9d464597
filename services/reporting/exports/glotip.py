"""An edition's numbers in the 13 columns of UNODC's file on trafficking (reference/domain.md §3.3).

Only what the edition shows is in it, so it needs no other disclosure control. English, as the
file of UNODC is.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from contracts.vocabulary import entry
from services.reporting.exports.shown import Cells, Column, Export, shown, source, tables_of
from services.reporting.use_cases.dividing import UNKNOWN as NOT_KNOWN
from services.reporting.use_cases.drawing import Drawn, Row, Table

TOTAL: Final = "Total"
UNKNOWN: Final = "Unknown"
MINOR, ADULT = "0 to 17 years", "18 years or over"
#: Each column, what it holds and where that comes from.
COLUMNS: Final[tuple[Column, ...]] = (
    ("iso3", "Country of the numbers", "ISO 3166-1"),
    ("country", "Its name", "ISO 3166-1"),
    ("region", "Region of the country", "UN M49"),
    ("subregion", "Subregion of the country", "UN M49"),
    ("indicator", "What is counted", "UNODC's question, answered by the indicator in `source`"),
    ("dimension", "How it is divided; Total for the whole", "table of the indicator"),
    (
        "category",
        "Part of the division. Forms are not to be added up: a person with several is in each",
        "before the colon GLOTIP's form, after it ours: contracts/vocabulary/terms.csv",
    ),
    ("sex", "Female, Male, Total; Unknown where sex or age is not known", "case.registered"),
    ("age", "0 to 17 years, 18 years or over, Total; Unknown as for sex", "case.registered"),
    ("year", "First day to last day of this calendar year", "the edition's window"),
    ("unit", "What the value is a number of", "definition of the indicator"),
    ("value", "The number; “s” where it is not shown, which may be small or none", "events"),
    ("source", "Indicator of Siraba and the edition that the number is of", "signed manifest"),
)
_PLACE: Final = ("MLI", "Mali", "Africa", "Sub-Saharan Africa")


class _Question(NamedTuple):
    """A question of UNODC, the table that answers it, and the one row where it is not all of it."""

    indicator: str
    code: str
    dimension: str = ""
    words: str = TOTAL
    only: str | None = None


_VICTIMS, _CONTACT = "Detected trafficking victims", "Persons in formal contact with the police"
_PROSECUTED: Final = "Persons prosecuted"
_QUESTIONS: Final = (
    _Question(_VICTIMS, "V2"),
    _Question(_VICTIMS, "V2", "group", "by sex and age"),
    _Question(_VICTIMS, "V2", "exploitation", "by form of exploitation"),
    _Question(_VICTIMS, "V2", "citizenship", "by citizenship"),
    _Question("Offences recorded", "J1"),
    _Question("Offences recorded", "J1", "offence_class", "by offence"),
    _Question(_CONTACT, "J2"),
    _Question(_CONTACT, "J2", "sex", "by sex"),
    _Question(_CONTACT, "J2", "age", "by age"),
    _Question(_CONTACT, "J2", "citizenship", "by citizenship"),
    _Question(_PROSECUTED, "J3S"),
    _Question(_PROSECUTED, "J3S", "sex", "by sex"),
    _Question(_PROSECUTED, "J3S", "age", "by age"),
    _Question(_PROSECUTED, "J3S", "citizenship", "by citizenship"),
    _Question("Persons convicted", "J4", "verdict", only="convicted"),
)
#: By dimension and code: category, sex, age.
_PARTS: Final[Mapping[tuple[str, str], tuple[str, str, str]]] = {
    ("group", "girl"): (TOTAL, "Female", MINOR),
    ("group", "boy"): (TOTAL, "Male", MINOR),
    ("group", "woman"): (TOTAL, "Female", ADULT),
    ("group", "man"): (TOTAL, "Male", ADULT),
    ("group", NOT_KNOWN): (TOTAL, UNKNOWN, UNKNOWN),
    ("age", "minor"): (TOTAL, TOTAL, MINOR),
    ("age", "adult"): (TOTAL, TOTAL, ADULT),
    ("age", NOT_KNOWN): (TOTAL, TOTAL, UNKNOWN),
    ("citizenship", "malian"): ("Mali", TOTAL, TOTAL),
    ("citizenship", "other_citizenship"): ("Other countries", TOTAL, TOTAL),
    ("verdict", "convicted"): (TOTAL, TOTAL, TOTAL),
}


def _glotip(drawn: Drawn) -> Iterator[Cells]:
    """One row per number, in the order of UNODC's questions; year: that of the window's first day.

    Raises KeyError for a code without a place in the file: nothing is left out in silence.
    """
    tables = tables_of(drawn)
    year = drawn.edition.window.start.year
    for asked in _QUESTIONS:
        table = tables[f"{asked.code} {asked.dimension}".strip()]
        told = source(drawn, asked.code)
        for row in _rows(table, asked):
            category, sex, age = _part(asked.dimension, row.code)
            named = (asked.indicator, asked.words, category, sex, age, year, table.indicator.unit)
            yield (*_PLACE, *named, shown(row.value), told)


def _rows(table: Table, asked: _Question) -> Iterator[Row]:
    return (row for row in table.rows if asked.only in (None, row.code))


def _part(dimension: str, code: str) -> tuple[str, str, str]:
    if not dimension:
        return (TOTAL, TOTAL, TOTAL)
    if (dimension, code) in _PARTS:
        return _PARTS[dimension, code]
    if code == NOT_KNOWN:
        return (TOTAL, UNKNOWN, TOTAL) if dimension == "sex" else (UNKNOWN, TOTAL, TOTAL)
    known = entry(dimension, code)
    if dimension == "sex":
        return (TOTAL, known.glotip, TOTAL)
    if dimension == "exploitation":
        return (f"{known.glotip}: {known.en}" if known.glotip else UNKNOWN, TOTAL, TOTAL)
    return (known.en, TOTAL, TOTAL)


GLOTIP: Final = Export(COLUMNS, _glotip)
