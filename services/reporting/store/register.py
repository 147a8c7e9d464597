"""The register of all that was published: every cell of every release, shown or hidden."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json
from services.reporting.domain.disclosure import Cell, Groups

# Two that publish at once would each not see what the other lets out.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('published', 0))")
_OF_RELEASE = text("select name, groups, value from published where release = :release")
_RELEASES = text("select release from published group by release order by min(place)")
_SHOWN = text("""
    select release, groups, value from published
    where value is not null
      and (cast(:releases as text[]) is null or release = any(cast(:releases as text[])))
""")
_ADD = text("""
    insert into published (release, name, groups, value)
    select release, name, groups, value from jsonb_populate_recordset(cast(null as published), cast(:rows as jsonb))
""")


class Shown(NamedTuple):
    """A sum that is out, in the groups of its release."""

    release: str
    groups: Groups
    value: int


async def lock(connection: AsyncConnection) -> None:
    """Nobody else publishes before this transaction ends; reading goes on."""
    await connection.execute(_LOCK)


async def of_release(
    connection: AsyncConnection, release: str
) -> dict[str, tuple[Groups, int | None]]:
    """Each cell by its name: the groups, and the value or None where it was hidden."""
    found = await connection.execute(_OF_RELEASE, {"release": release})
    return {row.name: (frozenset(row.groups), row.value) for row in found}


async def releases(connection: AsyncConnection) -> list[str]:
    """The names of all that is out, in the order in which it came."""
    return list(await connection.scalars(_RELEASES))


async def shown(connection: AsyncConnection, releases: Sequence[str] | None = None) -> list[Shown]:
    """Every sum that anybody may know; of these releases alone, where they are given."""
    asked = {"releases": None if releases is None else list(releases)}
    found = await connection.execute(_SHOWN, asked)
    return [Shown(row.release, frozenset(row.groups), row.value) for row in found]


async def add(
    connection: AsyncConnection, release: str, cells: Collection[Cell], *, hidden: Collection[str]
) -> None:
    """Write down a release; the number of a hidden cell is not kept."""
    rows = [
        {
            "release": release,
            "name": cell.name,
            "groups": sorted(cell.groups),
            "value": None if cell.name in hidden else cell.value,
        }
        for cell in cells
    ]
    await connection.execute(_ADD, {"rows": as_json(rows)})
