"""Fills a chain's database with cases of the past: what it has just handled, copied many times."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from tests.bench.chain import Chain

SCHEMAS = ("intake", "referral", "reporting")
#: Text that must differ from copy to copy although it is no UUID.
OWN = ("cases.number", "idempotency.key", "spans.trace_id")
#: What is being looked into now, which the past has none of.
CURRENT = ".watched"
#: What an outbox row looks like once everybody has it and its body has cooled.
HISTORY = {"body": "null", "headers": "null"}
#: So long ago that no auditor takes the copies for what has just been sent or taken.
AGO = "interval '2 days'"

_TABLES = """
    select format('%I.%I', table_schema, table_name) from information_schema.tables
    where table_schema = $1 and table_type = 'BASE TABLE' order by table_name
"""
_COLUMNS = """
    select attname as name, format_type(atttypid, null) as type, attidentity <> '' as is_counted,
           coalesce(attnum = any(pg_index.indkey), false) as is_key
    from pg_attribute left join pg_index on indrelid = attrelid and indisprimary
    where attrelid = $1::text::regclass and attnum > 0 and not attisdropped order by attnum
"""
_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# Keeping twenty random indexes up to date takes most of the time; building them at the end does not.
_REST = "update pg_index set indisready = false where indrelid = $1::text::regclass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. is_counted: the database gives its values; holds_ids: text with UUIDs in it."""

    name: str
    type: str
    is_counted: bool
    is_key: bool
    holds_ids: bool = False

    def copied(self, table: str) -> str:
        """Its value in copy number `copy` of the row `real`."""
        column = f'real."{self.name}"'
        place = f"{table}.{self.name}"
        if table.endswith(".outbox"):
            if self.name in HISTORY:
                return HISTORY[self.name]
            if self.name == "delivered_at":
                column = "coalesce(real.delivered_at, real.sent_at)"
        if self.type == "uuid":
            return f"md5({column}::text || copy)::uuid"
        if self.type == "timestamp with time zone":
            # Or all that a past has to come would be due at once, which no past is.
            return f"case when {column} > now() then {column} else {column} - {AGO} end"
        other = f"{column} || '-' || copy" if place.endswith(OWN) else column
        if not self.holds_ids:
            return other
        follows = f"md5({column} || copy)::uuid::text"
        return f"case when {self.flag} then {follows} else {other} end"

    @property
    def flag(self) -> str:
        """Whether this row's text is a UUID: found out once, which takes longer than copying."""
        return f'"{self.name} is an id"'


async def store_cases(chain: Chain, count: int, *, like: int) -> None:
    """At least `count` stored cases with everything that belongs to them, made from `like` real ones.

    Every UUID becomes one that follows from it and the number of the copy, so that what belonged
    together still does.
    """
    await chain.run(like)
    await asyncio.gather(
        *(fill_schema(chain.admin_url, schema, -(-count // like)) for schema in SCHEMAS)
    )
    connection = await asyncpg.connect(chain.admin_url)
    try:
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def fill_schema(url: str, schema: str, copies: int) -> None:
    """So many copies of every row of one service that is about cases. url: as the superuser."""
    connection = await asyncpg.connect(url)
    try:
        # Constraints hold by construction; checking each copied key would take most of the time.
        await connection.execute("set session_replication_role = replica")
        await connection.execute("set synchronous_commit = off")
        await connection.execute("set maintenance_work_mem = '512MB'")
        # The auditor has seen what we copy: else it would take the copies for news.
        for table in ("conservation", "streams"):
            await connection.execute(f"update {schema}.{table} set since = clock_timestamp()")
        for table in [row[0] for row in await connection.fetch(_TABLES, schema)]:
            statement = _copies(table, await _columns(connection, table), copies)
            if statement:
                await connection.execute(_REST, table)
                await connection.execute(statement)
                await connection.execute(f"reindex table {table}")
                await connection.execute(f"vacuum analyze {table}")
    finally:
        await connection.close()


async def _columns(connection: Any, table: str) -> list[Column]:
    columns = [Column(**row) for row in await connection.fetch(_COLUMNS, table)]
    texts = [column.name for column in columns if column.type == "text"]
    asked = ", ".join(f'bool_or("{name}" ~ \'{_UUID}\') as "{name}"' for name in texts)
    found = await connection.fetchrow(f"select {asked} from {table}") if texts else {}
    return [replace(column, holds_ids=bool(found.get(column.name))) for column in columns]


def _copies(table: str, columns: Sequence[Column], copies: int) -> str | None:
    """The statement that copies; None for a table with as many rows whatever the number of cases."""
    written = {one.name: one.copied(table) for one in columns if not one.is_counted}
    keys = {one.name: written.get(one.name, "copy") for one in columns if one.is_key}
    fresh = [f'{keys[name]} <> real."{name}"' for name in keys if "copy" in keys[name]]
    if table.endswith(CURRENT) or not fresh:
        return None
    names = ", ".join(f'"{name}"' for name in written)
    flags = [f", \"{one.name}\" ~ '{_UUID}' as {one.flag}" for one in columns if one.holds_ids]
    return (
        f"with real as materialized (select *{''.join(flags)} from {table})"
        f" insert into {table} ({names}) select {', '.join(written.values())}"
        f" from real, generate_series(1, {copies}) as copy"
        + ("" if "copy" in keys.values() else f" where {' or '.join(fresh)}")
    )
