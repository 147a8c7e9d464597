"""A database as a dump keeps it, and other databases made from that dump later."""

from collections.abc import Mapping
from io import BytesIO

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from tests.servers import Database

_TABLES = """
    select c.relname from pg_class c where c.relkind = 'r'
      and c.relnamespace = to_regnamespace('intake') and c.relname <> 'alembic_version'
    order by c.relname
"""
_COUNTERS = """
    select table_name, column_name from information_schema.columns
    where table_schema = 'intake' and is_identity = 'YES'
"""
Dump = Mapping[str, bytes]


async def dump(database: Database) -> Dump:
    """Every row of intake as one moment shows it, by table."""
    connection = await _connected(database)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {
                row["relname"]: await _copied(connection, row["relname"])
                for row in await connection.fetch(_TABLES)
            }
    finally:
        await connection.close()


async def restore(kept: Dump, database: Database) -> None:
    """Put a dump into a fresh database; no trigger acts meanwhile."""
    connection = await _connected(database)
    try:
        await connection.execute("set session_replication_role = replica")
        await connection.execute(f"truncate {', '.join(f'intake.{name}' for name in kept)}")
        for table, rows in kept.items():
            await connection.copy_to_table(
                table, source=BytesIO(rows), schema_name="intake", format="binary"
            )
        for table, column in await connection.fetch(_COUNTERS):
            await connection.execute(
                f"select setval(pg_get_serial_sequence('intake.{table}', '{column}'),"
                f" coalesce((select max({column}) from intake.{table}), 0) + 1)"
            )
    finally:
        await connection.close()


async def _copied(connection: asyncpg.Connection, table: str) -> bytes:
    rows = BytesIO()
    await connection.copy_from_table(table, output=rows, schema_name="intake", format="binary")
    return rows.getvalue()


async def _connected(database: Database) -> asyncpg.Connection:
    return await asyncpg.connect(database.superuser_url.replace("+asyncpg", ""))
