"""Sums an edition shows as they are: of sessions, where nobody is written down (docs/reporting.md)."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store import measuring
from services.reporting.store.indicators import INDICATORS, Indicator
from services.reporting.store.indicators.defined import Measure
from services.reporting.store.indicators.sessions import P1, P1_REACH, P1_SESSIONS, P2
from services.reporting.use_cases.dividing import folded, rows_of

REPORTED: Final = (P1_SESSIONS, P1, P1_REACH, P2)
#: Whatever an edition shows, by its code.
SHOWN: Final[Mapping[str, Indicator | Measure]] = {
    **INDICATORS,
    **{one.code: one for one in REPORTED},
}


class Summed(NamedTuple):
    """A measure as a whole (dimension empty, one row under an empty code) or divided one way."""

    measure: Measure
    dimension: str
    rows: Sequence[tuple[str, int]]


async def sum_up(connection: AsyncConnection, window: Window) -> list[Summed]:
    """Every table of every measure. Raises `UnknownCode`."""
    found = []
    for measure in REPORTED:
        whole = await measuring.measured(connection, measure, window)
        found.append(Summed(measure, "", [("", whole.value or 0)]))
        for dimension in filter(rows_of, measure.dimensions):
            parts = await measuring.by_code(connection, measure, window, dimension=dimension)
            folded(dimension, parts)
            rows = [
                (code, (parts[code].value or 0) if code in parts else 0)
                for code in rows_of(dimension)
            ]
            found.append(Summed(measure, dimension, rows))
    return found
