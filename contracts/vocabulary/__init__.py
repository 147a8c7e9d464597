"""The words everybody shares: every code, its French and English label, HTCDS and GLOTIP."""

from contracts.vocabulary.fields import FieldWords, described, field_table, field_words
from contracts.vocabulary.tables import (
    Entry,
    Territory,
    UnknownList,
    entries,
    lists,
    normalise,
    reader_rows,
    spellings,
    territory_table,
)
from contracts.vocabulary.terms import Cercle, Region, Term, allowed, lies_in_region

__all__ = [
    "Cercle",
    "Entry",
    "FieldWords",
    "Region",
    "Term",
    "Territory",
    "UnknownList",
    "allowed",
    "codes",
    "described",
    "entry",
    "field_table",
    "field_words",
    "htcds_to_code",
    "is_cercle",
    "label",
    "lies_in_region",
    "list_names",
    "normalise",
    "reader_of",
    "territories",
    "territory",
]


def list_names() -> tuple[str, ...]:
    """The name of every list, those of places and countries last."""
    return tuple(lists())


def codes(list_name: str) -> tuple[str, ...]:
    """The codes of a list in the order of its table; raises UnknownList."""
    return tuple(entries(list_name))


def entry(list_name: str, code: str) -> Entry:
    """Everything known of one code; raises UnknownList, or KeyError for a code outside the list."""
    return entries(list_name)[code]


def label(list_name: str, code: str, lang: str) -> str:
    """What a person reads for a code in French (`fr…`) or else English; raises like `entry`."""
    known = entry(list_name, code)
    return known.fr if lang.startswith("fr") else known.en


def htcds_to_code(list_name: str, value: str) -> str | None:
    """Our code for an HTCDS value, our own code or a label, however spelt; None if unknown.

    Case, accents, spaces and punctuation do not count, since IOM's forms hold labels ("Forced
    labour"), its standard holds names ("ForcedLabour") and people type either.
    """
    return spellings(list_name).get(normalise(value))


def reader_of(kind: str, relation: str) -> str | None:
    """The need-to-know row of an organisation of this kind, so related to the case; or None."""
    return reader_rows().get((kind, relation))


def territories() -> tuple[Territory, ...]:
    """The 19 regions and the District of Bamako, in the order of their CT codes."""
    return tuple(territory_table().values())


def territory(ct: str) -> Territory:
    """The territorial unit with this CT code; raises KeyError."""
    return territory_table()[ct]


def is_cercle(code: str) -> bool:
    """Whether this is a cercle (or a commune of Bamako), whose first two digits are its CT."""
    return code in entries("cercle")
