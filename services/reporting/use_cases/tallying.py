"""Counts everything of an edition, thing by thing: what its tables are made of."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.domain.edition import Counts
from services.reporting.store.indicators import INDICATORS, Indicator
from services.reporting.store.things import Things, things
from services.reporting.use_cases.dividing import folded, rows_of

WHOLE: Final = ""


class System(NamedTuple):
    """Things of one unit on one axis, divided one way: numbers that can be taken from each other."""

    axis: str
    unit: str
    dimension: str


class Part(NamedTuple):
    """The numerator (`value`) or the denominator (`out_of`) of an indicator."""

    indicator: Indicator
    name: str


def cell_name(part: Part, dimension: str = WHOLE, code: str = "") -> str:
    """What the register and the manifest call a number."""
    whole = f"{part.indicator.code}.{part.name}"
    return whole if dimension == WHOLE else f"{whole} {dimension}={code}"


def divisions(indicator: Indicator) -> tuple[str, ...]:
    """The dimensions that make a table."""
    return tuple(one for one in indicator.dimensions if rows_of(one))


def system_of(indicator: Indicator, dimension: str) -> System:
    """The tables that a table is judged with (docs/decisions/0023)."""
    return System(indicator.code[0], indicator.unit, dimension)


async def tally(
    connection: AsyncConnection, window: Window, *, progress: Callable[[], None]
) -> Mapping[System, Counts]:
    """By system, each cell's things. progress: told after each indicator. Raises `UnknownCode`."""
    counts: defaultdict[System, dict[str, frozenset[str]]] = defaultdict(dict)
    for indicator in INDICATORS.values():
        for part, question in (
            (Part(indicator, "value"), indicator.counted),
            (Part(indicator, "out_of"), indicator.out_of),
        ):
            if question is not None:
                _add(counts, part, await things(connection, question, window))
        progress()
    return counts


def _add(counts: Mapping[System, dict[str, frozenset[str]]], part: Part, found: Things) -> None:
    for dimension in (WHOLE, *divisions(part.indicator)):
        cells = counts[system_of(part.indicator, dimension)]
        cells[cell_name(part)] = frozenset(found)
        if dimension != WHOLE:
            rows = _divided(found, dimension)
            for code in rows_of(dimension):
                cells[cell_name(part, dimension, code)] = rows[code]


def _divided(found: Things, dimension: str) -> Mapping[str, frozenset[str]]:
    together: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for thing, by in found.items():
        together[by[dimension]].append(thing)
    rows: defaultdict[str, set[str]] = defaultdict(set)
    for codes, some in together.items():
        for code in folded(dimension, codes):
            rows[code].update(some)
    return defaultdict(frozenset, {code: frozenset(some) for code, some in rows.items()})
