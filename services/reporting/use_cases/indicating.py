"""Answers for one indicator: how many, divided up, and which events are behind it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain import Window
from services.reporting.store import indicators
from services.reporting.store.indicators import INDICATORS, Counted, Indicator

__all__ = [
    "INDICATORS", "Answer", "Counted", "Indicator", "NotAsked", "count_indicator", "events_behind",
]  # fmt: skip


class NotAsked(Exception):
    """There is no such indicator, or it is not divided so: `field` says which."""

    def __init__(self, field: str, *, allowed: tuple[str, ...] = ()):
        super().__init__(field)
        self.field = field
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """parts: by code, empty where nobody asked for a dimension; all of one snapshot."""

    indicator: Indicator
    window: Window
    whole: Counted
    parts: dict[str, Counted]


def indicator_of(code: str) -> Indicator:
    """Raises `NotAsked`."""
    try:
        return INDICATORS[code]
    except KeyError:
        raise NotAsked("indicator") from None


async def count_indicator(
    engine: AsyncEngine, code: str, window: Window, *, dimension: str | None
) -> Answer:
    """One indicator over one window. Raises `NotAsked`."""
    indicator = indicator_of(code)
    if dimension is not None and dimension not in indicator.dimensions:
        raise NotAsked("by", allowed=indicator.dimensions)
    async with engine.connect() as plain:
        connection = await plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        whole = await indicators.counted(connection, indicator, window)
        parts = (
            {}
            if dimension is None
            else await indicators.by_code(connection, indicator, window, dimension=dimension)
        )
    return Answer(indicator=indicator, window=window, whole=whole, parts=parts)


async def events_behind(engine: AsyncEngine, code: str, window: Window) -> list[UUID]:
    """The ids of the events that the numerator rests on. Raises `NotAsked`."""
    async with engine.connect() as connection:
        return await indicators.behind(connection, indicator_of(code), window)
