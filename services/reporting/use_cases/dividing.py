"""By which codes the tables of an edition are divided; a code nobody has is a row as well."""

from collections.abc import Collection, Mapping
from typing import Final

from contracts.vocabulary import codes, list_names

UNKNOWN: Final = "unknown"
#: Divisions that are no list of the vocabulary (domain §6, D1 and D3).
OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "group": ("girl", "boy", "woman", "man", UNKNOWN),
    "age": ("minor", "adult", UNKNOWN),
    "citizenship": ("malian", "other_citizenship", UNKNOWN),
}
_LISTS: Final[Mapping[str, str]] = {
    "state": "referral_state",
    "outcome": "followup_outcome",
    "corps": "organisation_kind",
}


class UnknownCode(Exception):
    """A fact has a code that the list of its division has not: it may not be left out in silence.

    Says which division, never the code: that may be what somebody wrote.
    """

    def __init__(self, dimension: str):
        super().__init__(dimension)
        self.dimension = dimension


def rows_of(dimension: str) -> tuple[str, ...]:
    """Every code of a division in the order of its list; empty where a report has no such table."""
    if dimension in OWN:
        return OWN[dimension]
    name = _LISTS.get(dimension, dimension)
    if name not in list_names():
        return ()
    known = codes(name)
    return known if UNKNOWN in known else (*known, UNKNOWN)


def list_of(dimension: str) -> str | None:
    """The list of the vocabulary that says what the codes mean; None where we say it ourselves."""
    return None if dimension in OWN else _LISTS.get(dimension, dimension)


def folded(dimension: str, given: Collection[str]) -> frozenset[str]:
    """The rows that a thing with these codes counts in.

    Of 250 countries nearly every row would be small: a citizenship is Mali's or another's. Raises
    `UnknownCode`.
    """
    if dimension == "citizenship":
        return frozenset(
            code if code == UNKNOWN else "malian" if code == "MLI" else "other_citizenship"
            for code in given
        )
    if not set(given) <= set(rows_of(dimension)):
        raise UnknownCode(dimension)
    return frozenset(given)
