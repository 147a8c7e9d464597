"""HTTP in: what each indicator means, and for data officers its figure, its parts and its events."""

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
from services.reporting.use_cases.indicating import (
    INDICATORS,
    Answer,
    Counted,
    Indicator,
    NotAsked,
    count_indicator,
    events_behind,
)


class Definition(Shown):
    """What is counted, in which unit, out of what and from which events; parts: what `by` may be."""

    code: str
    unit: Literal["persons", "referrals", "files", "suspects", "cases", "exceptions"]
    numerator: str
    denominator: str
    source: str
    parts: tuple[str, ...]


class Value(Shown):
    """A number of the indicator's unit; out_of: null where it has no denominator."""

    value: int
    out_of: int | None


class OverWindow(Shown):
    """What an answer is about."""

    definition: Definition
    start: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    as_of: datetime


class Figure(OverWindow):
    """One indicator over days `from` ≤ day < `to`, of events recorded before `as_of`.

    parts: by code; a thing with several codes counts under each. Not for publication.
    """

    whole: Value
    by: str | None
    parts: dict[str, Value]


class Events(OverWindow):
    """The ids of the events that the figure rests on."""

    events: list[UUID]


def router(*, web: AsyncEngine, key_of: KeyLookup, mint: Mint) -> APIRouter:
    """The routes; definitions for whoever sees figures, figures in parts for data officers."""
    routes = APIRouter(tags=["indicators"], prefix="/indicators")
    caller = BearerCaller(audience="reporting", key_of=key_of, clock=mint.moment)
    asked = asking(caller, mint)

    @routes.get("")
    async def show_definitions(who: Annotated[Caller, Depends(caller)]) -> list[Definition]:
        """What each indicator means."""
        who.require(*ROLES)
        return [_definition(one) for one in INDICATORS.values()]

    @routes.get("/{code}")
    async def show_indicator(
        code: str,
        window: Annotated[Window, Depends(asked)],
        by: Annotated[str | None, Query(description="One of the definition's parts.")] = None,
    ) -> Figure:
        """The figure of a window and, when asked, its parts."""
        try:
            return _figure(await count_indicator(web, code, window, dimension=by), by=by)
        except NotAsked as unknown:
            raise _refusal(unknown) from None

    @routes.get("/{code}/events")
    async def show_events(code: str, window: Annotated[Window, Depends(asked)]) -> Events:
        """What is behind the figure."""
        try:
            events = await events_behind(web, code, window)
        except NotAsked as unknown:
            raise _refusal(unknown) from None
        return Events(
            definition=_definition(INDICATORS[code]),
            start=window.start,
            end=window.end,
            as_of=window.as_of,
            events=events,
        )

    return routes


def _definition(one: Indicator) -> Definition:
    return Definition(
        code=one.code,
        unit=one.unit,
        numerator=one.numerator,
        denominator=one.denominator,
        source=one.source,
        parts=one.dimensions,
    )


def _figure(answer: Answer, *, by: str | None) -> Figure:
    return Figure(
        definition=_definition(answer.indicator),
        start=answer.window.start,
        end=answer.window.end,
        as_of=answer.window.as_of,
        whole=_value(answer.whole),
        by=by,
        parts={code: _value(one) for code, one in answer.parts.items()},
    )


def _value(one: Counted) -> Value:
    return Value(value=one.value, out_of=one.out_of)


def _refusal(unknown: NotAsked) -> Refusal:
    if unknown.field == "by":
        return refusal("by", "not_a_part", allowed=unknown.allowed)
    title = "There is no such indicator"
    return not_there("code", "unknown_indicator", title, known=[*INDICATORS])
