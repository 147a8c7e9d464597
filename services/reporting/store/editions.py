"""The editions that are out, as they were shown: no number that was hidden is in them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json
from services.reporting.domain.edition import Edition
from services.reporting.store.figures import Followed

#: By table, its rows: code, value, out of; None where it is hidden or there is none.
Tables = Mapping[str, Sequence[tuple[str, int | None, int | None]]]
_COLUMNS: Final = "name, audience, first_day, end_day, as_of, positions, tables"
_ADD = text("""
    insert into editions (name, audience, first_day, end_day, as_of, positions, tables)
    values (:name, :audience, :first_day, :end_day, :as_of, cast(:positions as jsonb),
            cast(:tables as jsonb))
""")
_NAMED = text(f"select {_COLUMNS} from editions where name = :name")  # noqa: S608 - constants of ours
_OF_DAYS = f"""
    select {_COLUMNS} from editions
    where audience = :audience and first_day = :first_day and end_day = :end_day
"""  # noqa: S608 - constants of ours
# What came out later is not what an edition corrects, also when it is drawn again.
_BEFORE = text(f"""
    {_OF_DAYS} and as_of < :as_of
      and place < coalesce((select place from editions where name = :name), 9223372036854775807)
    order by as_of desc limit 1
""")  # noqa: S608 - constants of ours
_NEWEST = text(f"""
    {_OF_DAYS} and (cast(:as_of as timestamptz) is null or as_of = :as_of)
    order by as_of desc limit 1
""")
_ALL = text(
    "select place as number, audience, first_day, end_day, as_of from editions order by place"
)
_NUMBERED = text(f"select {_COLUMNS} from editions where place = :number")  # noqa: S608 - constants of ours


class Kept(NamedTuple):
    """An edition that is out; positions: as JSON has them."""

    name: str
    audience: str
    first_day: date
    end_day: date
    as_of: datetime
    positions: list[dict[str, Any]]
    tables: Tables


class Out(NamedTuple):
    """Which edition is out, by the number of its place; end_day: the first after its days."""

    number: int
    audience: str
    first_day: date
    end_day: date
    as_of: datetime


async def add(
    connection: AsyncConnection,
    edition: Edition,
    *,
    positions: Sequence[Followed],
    tables: Tables,
) -> None:
    """Keep what an edition shows; the database lets nobody change it afterwards."""
    told = [
        {"stream": one.stream, "sequence": one.sequence, "recorded_at": one.recorded_at}
        for one in positions
    ]
    given = {"positions": as_json(told), "tables": as_json([tables])[1:-1]}
    await connection.execute(_ADD, _bound(edition) | given)


async def named(connection: AsyncConnection, name: str) -> Kept | None:
    """The edition that is called so."""
    return _kept((await connection.execute(_NAMED, {"name": name})).one_or_none())


async def numbered(connection: AsyncConnection, number: int) -> Kept | None:
    """The edition that came out at this place."""
    return _kept((await connection.execute(_NUMBERED, {"number": number})).one_or_none())


async def before(connection: AsyncConnection, edition: Edition) -> Kept | None:
    """The edition of the same days that this one takes the place of."""
    return _kept((await connection.execute(_BEFORE, _bound(edition))).one_or_none())


async def newest(
    connection: AsyncConnection, *, first_day: date, end_day: date, as_of: datetime | None
) -> Kept | None:
    """The public edition of these days that counts furthest, or just up to `as_of`."""
    asked = {"audience": "public", "first_day": first_day, "end_day": end_day, "as_of": as_of}
    return _kept((await connection.execute(_NEWEST, asked)).one_or_none())


async def all_out(connection: AsyncConnection) -> list[Out]:
    """Every edition, in the order in which they came out."""
    return [Out(**row._mapping) for row in await connection.execute(_ALL)]


def _bound(edition: Edition) -> dict[str, Any]:
    return {
        "name": edition.name,
        "audience": edition.audience,
        "first_day": edition.window.start,
        "end_day": edition.window.end,
        "as_of": edition.window.as_of,
    }


def _kept(row: Any) -> Kept | None:
    return None if row is None else Kept(**row._mapping)
