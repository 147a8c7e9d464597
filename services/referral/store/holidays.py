"""Days off that were declared, such as a feast by the moon: each with its source, and nothing is lost."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.store.directory import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A day off, as people read it, and where that is said."""

    day: date
    fr: str
    en: str
    source: str


_DECLARED = text("""
    select day, fr, en, source from (
        select distinct on (day) * from holidays order by day, number desc
    ) as last
    where is_off and (cast(:year as int) is null or extract(year from day) = :year) order by day
""")
_SAY = text("""
    insert into holidays (day, is_off, fr, en, source, organisation, role, person)
    values (:day, :is_off, :fr, :en, :source, :organisation, :role, :person)
""")


async def declared(connection: AsyncConnection, year: int | None = None) -> list[Declared]:
    """The days off as they stand, the earliest first; without `year` all of them."""
    found = await connection.execute(_DECLARED, {"year": year})
    return [Declared(day=row.day, fr=row.fr, en=row.en, source=row.source) for row in found]


async def say(connection: AsyncConnection, one: Declared, *, is_off: bool, author: Author) -> None:
    """It is a day off, or is none after all."""
    await connection.execute(
        _SAY,
        {
            "day": one.day,
            "is_off": is_off,
            "fr": one.fr,
            "en": one.en,
            "source": one.source,
            "organisation": author.organisation,
            "role": author.role,
            "person": author.person,
        },
    )
