"""An edition's numbers under the fields and values of IOM's HTCDS 2.0 (reference/domain.md §3.1).

HTCDS describes a case file, with a person's name in it. What leaves reporting is how many persons or
referrals have a value of a field, as the edition shows it: no row is about anybody.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from contracts.vocabulary import entry
from services.reporting.exports.shown import Cells, Column, Export, shown, source, tables_of
from services.reporting.use_cases.dividing import UNKNOWN, list_of
from services.reporting.use_cases.drawing import Drawn

COLUMNS: Final[tuple[Column, ...]] = (
    ("object", "Person, Victim, SupportPlan, Organisation", "HTCDS 2.0, prefix of the field"),
    ("field", "Name of the field", "HTCDS 2.0, Field Standards"),
    (
        "value",
        "Value of its list; empty where the list has none for our code",
        "HTCDS 2.0; contracts/vocabulary/terms.csv",
    ),
    ("among", "Minors, Adults, All: whose number it is", "case.registered"),
    ("code", "Our code, which may be finer than the value", "contracts/vocabulary/terms.csv"),
    ("label", "The code in words", "contracts/vocabulary/terms.csv"),
    ("year", "First day to last day of this calendar year", "the edition's window"),
    ("unit", "What the count is a number of", "definition of the indicator"),
    (
        "count",
        (
            "The number; “s” where it is not shown, which may be small or none. One with several "
            "values is in each: rows are not to be added up"
        ),
        "events",
    ),
    ("source", "Indicator of Siraba and the edition that the number is of", "signed manifest"),
)


class _Asked(NamedTuple):
    """A field of HTCDS and the table that says how often each of its values holds."""

    object: str
    field: str
    code: str
    dimension: str = ""


_FIELDS: Final = (
    _Asked("Victim", "vic_TraffickingStatus", "V2"),
    _Asked("Person", "prs_Gender", "V2", "group"),
    _Asked("Person", "prs_Citizenship", "V2", "citizenship"),
    _Asked("Victim", "vic_TypeOfExploitation", "V2", "exploitation"),
    _Asked("SupportPlan", "spl_Type", "A1", "service"),
    _Asked("Organisation", "org_Type", "R2", "organisation_kind"),
)
#: By dimension and code, where no list of the vocabulary says it: value, among, label.
_OWN: Final[Mapping[tuple[str, str], tuple[str, str, str]]] = {
    ("", ""): ("ActualVictimOfTrafficking", "All", "Identified victim"),
    ("group", "girl"): ("Feminine", "Minors", "Girls"),
    ("group", "boy"): ("Masculine", "Minors", "Boys"),
    ("group", "woman"): ("Feminine", "Adults", "Women"),
    ("group", "man"): ("Masculine", "Adults", "Men"),
    ("group", UNKNOWN): ("NonSpecifiedUnknown", "All", "Sex or age not known"),
    ("citizenship", "malian"): ("MLI", "All", "Malian"),
    ("citizenship", "other_citizenship"): ("", "All", "Other citizenship"),
}


def _rows(drawn: Drawn) -> Iterator[Cells]:
    """One row per number, field by field; year: that of the window's first day."""
    tables = tables_of(drawn)
    year = drawn.edition.window.start.year
    for asked in _FIELDS:
        table = tables[f"{asked.code} {asked.dimension}".strip()]
        for row in table.rows:
            value, among, words = _said(asked.dimension, row.code)
            named = (asked.object, asked.field, value, among, row.code, words)
            number = (year, table.indicator.unit, shown(row.value), source(drawn, asked.code))
            yield (*named, *number)


def _said(dimension: str, code: str) -> tuple[str, str, str]:
    if (dimension, code) in _OWN:
        return _OWN[dimension, code]
    name = list_of(dimension)
    if code == UNKNOWN or name is None:
        return ("", "All", "Unknown")
    known = entry(name, code)
    return (known.htcds[0] if known.htcds else "", "All", known.en)


HTCDS: Final = Export(COLUMNS, _rows)
