"""An edition's tables as exports read them: only what it shows, each number with where it is from."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from services.reporting.use_cases.drawing import Drawn, Table

#: As UNODC writes a number that is not given; hidden ones need not be small, so no "<11".
HIDDEN: Final = "s"
#: A column's name, what it holds and where that comes from.
Column = tuple[str, str, str]
Cells = tuple[str | int, ...]


class Export(NamedTuple):
    """A file that somebody asks for. rows: raise KeyError for a code that has no place in it."""

    columns: tuple[Column, ...]
    rows: Callable[[Drawn], Iterator[Cells]]


def shown(value: int | None) -> str | int:
    """A number, or what stands for one that is hidden."""
    return HIDDEN if value is None else value


def tables_of(drawn: Drawn) -> Mapping[str, Table]:
    """By name, as the manifest calls them: `V2`, `V2 group`."""
    return {table.name: table for table in drawn.tables}


def source(drawn: Drawn, code: str) -> str:
    """The indicator and the edition that a number is of."""
    return f"Siraba {code}, edition {drawn.edition.name}"
