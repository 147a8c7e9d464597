"""HTTP in: what the law knew on a day, by list; the committee's operators declare days off."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import reading_as
from chassis.web import Refusal, Shown
from contracts.callers import Caller
from contracts.times import Day
from contracts.vocabulary.reference import LISTS, Row, day_of, rows
from services.referral.api.directory import DirectoryDesk, must_keep
from services.referral.store import directory, holidays
from services.referral.store.directory import Author
from services.referral.store.holidays import Declared

ListName = Annotated[str, Path(pattern=rf"^({'|'.join(LISTS)})$")]
Words = Annotated[str, Field(min_length=2, max_length=80)]


class Line(Shown):
    """One line that was in force. on: of a holiday, its day; about: what only its own list has."""

    code: str
    fr: str
    en: str
    valid_from: date | None
    valid_to: date | None
    on: date | None
    about: Mapping[str, str]
    source: str
    note: str


class Lines(Shown):
    """In the order of the list; of holidays those of the year, the earliest first."""

    lines: list[Line]


class DayOff(BaseModel):
    """A day off as people read it. source: the communiqué or the law, as an address or a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    fr: Words
    en: Words
    source: Annotated[str, Field(min_length=5, max_length=300)]


def reference_router(desk: DirectoryDesk) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(prefix="/reference", tags=["reference"])
    _add_reading(routes, desk)
    _add_declaring(routes, desk)
    return routes


def _add_reading(routes: APIRouter, desk: DirectoryDesk) -> None:
    person = desk.caller.having("officer", "case_owner", "focal_point", "data_officer", "operator")

    @routes.get("/{list_name}")
    async def list_reference(
        list_name: ListName,
        who: Annotated[Caller, Depends(person)],
        on: Annotated[Day | None, Query(description="Today unless given.")] = None,
    ) -> Lines:
        """Offences, courts or legal holidays as they were on a day; of holidays those of its year."""
        day = on or desk.parts.mint.moment().date()
        if list_name != "holidays":
            return Lines(lines=[_line(row) for row in rows(list_name) if row.is_valid(day)])
        async with reading_as(desk.parts.web, who.organisation) as connection:
            declared = await holidays.declared(connection, day.year)
        by_law = [
            _line(row, on=when)
            for row in rows(list_name)
            if (when := day_of(row, day.year)) is not None and row.is_valid(when)
        ]
        return Lines(lines=sorted([*by_law, *map(_declared, declared)], key=_day))


def _add_declaring(routes: APIRouter, desk: DirectoryDesk) -> None:
    operator = desk.caller.having("operator")

    @routes.put("/holidays/{day}", status_code=204)
    async def declare_day_off(
        day: Day, said: DayOff, who: Annotated[Caller, Depends(operator)]
    ) -> None:
        """A feast by the moon or a day that the government gives. For the committee's operators."""
        declared = Declared(day=day, **said.model_dump())
        async with _keeping(desk, who) as connection:
            await holidays.say(connection, declared, is_off=True, author=_author(who))

    @routes.delete("/holidays/{day}", status_code=204)
    async def take_day_off_back(day: Day, who: Annotated[Caller, Depends(operator)]) -> None:
        """It is a working day after all. What the law itself gives is not taken back."""
        async with _keeping(desk, who) as connection:
            found = [one for one in await holidays.declared(connection, day.year) if one.day == day]
            if not found:
                raise Refusal(404, "not_found", "No such day off was declared")
            await holidays.say(connection, found[0], is_off=False, author=_author(who))


@asynccontextmanager
async def _keeping(desk: DirectoryDesk, who: Caller) -> AsyncIterator[AsyncConnection]:
    """A transaction of the committee's operators. Raises Refusal for anybody else."""
    async with desk.parts.work.begin() as connection:
        must_keep(who, await directory.current(connection, {who.organisation}))
        yield connection


def _author(who: Caller) -> Author:
    return Author(organisation=who.organisation, role=who.role, person=who.person)


def _line(row: Row, *, on: date | None = None) -> Line:
    return Line(
        code=row.code,
        fr=row.fr,
        en=row.en,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        on=on,
        about={name: value for name, value in row.about.items() if value and name != "day"},
        source=row.source,
        note=row.note,
    )


def _declared(one: Declared) -> Line:
    return Line(
        code="declared",
        fr=one.fr,
        en=one.en,
        valid_from=one.day,
        valid_to=one.day,
        on=one.day,
        about={},
        source=one.source,
        note="",
    )


def _day(line: Line) -> date:
    return line.on or date.min
