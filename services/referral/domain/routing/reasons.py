"""A reason: why something was chosen or left out, as a code with the data behind it."""

from typing import NamedTuple

Datum = str | int | frozenset[str] | None


class Reason(NamedTuple):
    """data: numbers, codes of the vocabulary or sets of such, each with its name."""

    code: str
    data: tuple[tuple[str, Datum], ...]


def because(code: str, **data: Datum) -> Reason:
    """A reason with these data; two with the same are one."""
    return Reason(code, tuple(data.items()))
