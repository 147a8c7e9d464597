"""HTTP in: what each sum, median and rate means, and for data officers its value and its events."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import BearerCaller, KeyLookup, Refusal, Shown
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.reporting.api.asking import ROLES, asking, not_there, refusal
from services.reporting.domain import Window
from services.reporting.use_cases.measuring import (
    MEASURES,
    Measure,
    Measured,
    MeasureUnit,
    NotAsked,
    Reading,
    take_measure,
)


class Meaning(Shown):
    """What is measured and from which events; times: what the quotient is told as; parts: for `by`."""

    code: str
    unit: MeasureUnit
    how: Literal["sum", "median"]
    meaning: str
    source: str
    times: int
    parts: tuple[str, ...]


class Amount(Shown):
    """value: null for the median of nothing; over: of how many things; out_of: null for no quotient."""

    value: int | None
    over: int
    out_of: int | None


class Taken(Shown):
    """One measure over days `from` ≤ day < `to`, of events recorded before `as_of`.

    parts: by code; a thing with several codes is in each. Not for publication.
    """

    meaning: Meaning
    start: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    as_of: datetime
    whole: Amount
    by: str | None
    parts: dict[str, Amount]
    events: list[UUID]


def router(*, web: AsyncEngine, key_of: KeyLookup, mint: Mint) -> APIRouter:
    """The routes; meanings for whoever sees figures, values for data officers."""
    routes = APIRouter(tags=["measures"], prefix="/measures")
    caller = BearerCaller(audience="reporting", key_of=key_of, clock=mint.moment)
    asked = asking(caller, mint)

    @routes.get("")
    async def show_meanings(who: Annotated[Caller, Depends(caller)]) -> list[Meaning]:
        """What each measure means."""
        who.require(*ROLES)
        return [_meaning(one) for one in MEASURES.values()]

    @routes.get("/{code}")
    async def show_measure(
        code: str,
        window: Annotated[Window, Depends(asked)],
        by: Annotated[str | None, Query(description="One of the meaning's parts.")] = None,
    ) -> Taken:
        """The value of a window, the events behind it and, when asked, its parts."""
        try:
            reading = await take_measure(web, code, window, dimension=by)
        except NotAsked as unknown:
            raise _refusal(unknown) from None
        return _taken(reading, window, by=by)

    return routes


def _meaning(one: Measure) -> Meaning:
    return Meaning(
        code=one.code,
        unit=one.unit,
        how=one.how,
        meaning=one.meaning,
        source=one.source,
        times=one.times,
        parts=one.dimensions,
    )


def _taken(reading: Reading, window: Window, *, by: str | None) -> Taken:
    return Taken(
        meaning=_meaning(reading.measure),
        start=window.start,
        end=window.end,
        as_of=window.as_of,
        whole=_amount(reading.whole),
        by=by,
        parts={code: _amount(one) for code, one in reading.parts.items()},
        events=reading.events,
    )


def _amount(one: Measured) -> Amount:
    return Amount(value=one.value, over=one.over, out_of=one.out_of)


def _refusal(unknown: NotAsked) -> Refusal:
    if unknown.field == "by":
        return refusal("by", "not_a_part", allowed=unknown.allowed)
    return not_there("code", "unknown_measure", "There is no such measure", known=[*MEASURES])
