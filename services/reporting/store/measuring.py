"""Asks for sums and medians: the whole, its parts, and the events they rest on."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store.figures import bound
from services.reporting.store.indicators.defined import Measure

_HOW = {
    "sum": "coalesce(sum(amount), 0)::bigint",
    # Of an even number of values the lower of the two in the middle: it is one that there was.
    "median": "percentile_disc(0.5) within group (order by amount)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """In the measure's unit; value: None for the median of nothing; over: how many things that is."""

    value: int | None
    over: int
    out_of: int | None


async def measured(connection: AsyncConnection, measure: Measure, window: Window) -> Measured:
    """The whole."""
    found = await _one(connection, measure.measured, window, how=measure.how)
    out_of = None
    if measure.out_of is not None:
        out_of, _ = await _one(connection, measure.out_of, window, how="sum")
    return Measured(value=found[0], over=found[1], out_of=out_of)


async def by_code(
    connection: AsyncConnection, measure: Measure, window: Window, *, dimension: str
) -> dict[str, Measured]:
    """The parts by the codes of one of the measure's dimensions, where anything was measured."""
    parts = await _parts(connection, measure.measured, window, how=measure.how, by=dimension)
    wholes = {}
    if measure.out_of is not None:
        wholes = await _parts(connection, measure.out_of, window, how="sum", by=dimension)
    return {
        code: Measured(value=value, over=over, out_of=wholes.get(code, (None, 0))[0])
        for code, (value, over) in parts.items()
    }


async def behind(connection: AsyncConnection, measure: Measure, window: Window) -> list[UUID]:
    """An event for each thing that is measured, by id."""
    asked = f"select distinct event_id from ({measure.measured}) as measured order by event_id"  # noqa: S608 - constants of ours
    return list(await connection.scalars(text(asked), bound(window)))


async def _one(
    connection: AsyncConnection, question: str, window: Window, *, how: str
) -> tuple[int | None, int]:
    asked = f"""
        select {_HOW[how]} as value, count(*) as over
        from (select distinct item, amount from ({question}) as measured) as once
    """  # noqa: S608 - constants of ours
    row = (await connection.execute(text(asked), bound(window))).one()
    return row.value, row.over


async def _parts(
    connection: AsyncConnection, question: str, window: Window, *, how: str, by: str
) -> dict[str, tuple[int | None, int]]:
    asked = f"""
        select code, {_HOW[how]} as value, count(*) as over from (
            select distinct code, item, amount from ({question}) as measured
            cross join lateral jsonb_array_elements_text(by -> cast(:dimension as text)) as code
        ) as parts group by code order by code
    """  # noqa: S608 - constants of ours
    found = await connection.execute(text(asked), bound(window) | {"dimension": by})
    return {row.code: (row.value, row.over) for row in found}
