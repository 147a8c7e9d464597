"""The register of all that was published: every cell of every release, shown or hidden."""

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json
from services.reporting.domain.disclosure import Cell, Groups

# Two that publish at once would each not see what the other lets out.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('published', 0))")
_OF_RELEASE = text("select name, groups, value from published where release = :release")
_SHOWN = text("select groups, value from published where value is not null")
_ADD = text("""
    insert into published
    select * from jsonb_populate_recordset(cast(null as published), cast(:rows as jsonb))
""")


async def lock(connection: AsyncConnection) -> None:
    """Nobody else publishes before this transaction ends; reading goes on."""
    await connection.execute(_LOCK)


async def of_release(
    connection: AsyncConnection, release: str
) -> dict[str, tuple[Groups, int | None]]:
    """Each cell by its name: the groups, and the value or None where it was hidden."""
    found = await connection.execute(_OF_RELEASE, {"release": release})
    return {row.name: (frozenset(row.groups), row.value) for row in found}


async def shown(connection: AsyncConnection) -> Mapping[Groups, int]:
    """Every sum that anybody may know."""
    found = await connection.execute(_SHOWN)
    return {frozenset(row.groups): row.value for row in found}


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
