"""Answers for one measure: a sum or a median, divided up, and which events are behind it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain import Window
from services.reporting.store import measuring
from services.reporting.store.indicators.defined import Measure, MeasureUnit
from services.reporting.store.indicators.measures import MEASURES
from services.reporting.store.measuring import Measured
from services.reporting.use_cases.indicating import NotAsked

__all__ = [
    "MEASURES", "Measure", "MeasureUnit", "Measured", "NotAsked", "Reading", "take_measure",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """parts: by code, empty where nobody asked for a dimension; all of one snapshot."""

    measure: Measure
    whole: Measured
    parts: dict[str, Measured]
    events: list[UUID]


async def take_measure(
    engine: AsyncEngine, code: str, window: Window, *, dimension: str | None
) -> Reading:
    """One measure over one window, with the events it rests on. Raises `NotAsked`."""
    measure = MEASURES.get(code)
    if measure is None:
        raise NotAsked("measure")
    if dimension is not None and dimension not in measure.dimensions:
        raise NotAsked("by", allowed=measure.dimensions)
    async with engine.connect() as plain:
        connection = await plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        whole = await measuring.measured(connection, measure, window)
        events = await measuring.behind(connection, measure, window)
        parts = (
            {}
            if dimension is None
            else await measuring.by_code(connection, measure, window, dimension=dimension)
        )
    return Reading(measure=measure, whole=whole, parts=parts, events=events)
