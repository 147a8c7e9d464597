"""The indicators of domain §6, each counted, divided up and traced by the same question."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store.figures import bound
from services.reporting.store.indicators import care, outcomes, persons, proceedings, referrals
from services.reporting.store.indicators.defined import Indicator

__all__ = ["INDICATORS", "Counted", "Indicator", "behind", "by_code", "counted"]

INDICATORS: Final[Mapping[str, Indicator]] = {
    one.code: one
    for one in (
        persons.V1, persons.V2, persons.V3, referrals.V5, persons.V6,
        referrals.R1, referrals.R2, referrals.R3, referrals.R4, referrals.R5, referrals.R6,
        persons.A1, care.A2, care.A3, care.A4, care.A5,
        proceedings.J1, proceedings.J2, proceedings.J3_FILES, proceedings.J3_SUSPECTS,
        proceedings.J4, proceedings.J5, outcomes.J6_COURT, outcomes.J6_VERDICT,
        outcomes.J7_VICTIMS, outcomes.J8, outcomes.J8_HELD,
        persons.Q1, care.S1,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many, and out of how many; None where the indicator has no denominator."""

    value: int
    out_of: int | None


async def counted(connection: AsyncConnection, indicator: Indicator, window: Window) -> Counted:
    """The whole, in the indicator's unit."""
    whole = {
        name: (await connection.scalar(text(_how_many(question)), bound(window)) or 0)
        for name, question in (("value", indicator.counted), ("out_of", indicator.out_of))
        if question is not None
    }
    return Counted(value=whole["value"], out_of=whole.get("out_of"))


async def by_code(
    connection: AsyncConnection, indicator: Indicator, window: Window, *, dimension: str
) -> dict[str, Counted]:
    """The parts by the codes of one of the indicator's dimensions; a code nobody has is left out."""
    values = await _parts(connection, indicator.counted, window, dimension=dimension)
    if indicator.out_of is None:
        return {code: Counted(value=value, out_of=None) for code, value in values.items()}
    wholes = await _parts(connection, indicator.out_of, window, dimension=dimension)
    return {
        code: Counted(value=values.get(code, 0), out_of=whole) for code, whole in wholes.items()
    }


async def behind(connection: AsyncConnection, indicator: Indicator, window: Window) -> list[UUID]:
    """An event for each thing in the numerator that says it is there, by id."""
    question = f"""
        select distinct event_id from ({indicator.counted}) as counted order by event_id
    """  # noqa: S608 - constants of ours
    return list(await connection.scalars(text(question), bound(window)))


async def _parts(
    connection: AsyncConnection, question: str, window: Window, *, dimension: str
) -> dict[str, int]:
    asked = f"""
        select code, count(distinct item) as value
        from ({question}) as counted
        cross join lateral jsonb_array_elements_text(by -> cast(:dimension as text)) as code
        group by code order by code
    """  # noqa: S608 - constants of ours
    found = await connection.execute(text(asked), bound(window) | {"dimension": dimension})
    return {row.code: row.value for row in found}


def _how_many(question: str) -> str:
    return f"select count(distinct item) from ({question}) as counted"  # noqa: S608 - constants of ours
