"""Fills a chain's database with cases of the past: what it has just handled, copied many times."""

from collections.abc import Sequence

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from tests.bench.chain import Chain

SCHEMAS = ("intake", "referral", "reporting")
#: One row whatever the number of cases.
SINGLE = frozenset({"alembic_version", "heartbeat", "streams", "followed", "organisations"})
#: Text that must differ from copy to copy although it is no UUID.
OWN = frozenset({"number", "key", "trace_id"})
#: What an outbox row looks like once everybody has it and its body has cooled.
HISTORY = {"body": "null", "headers": "null", "delivered_at": "coalesce(delivered_at, sent_at)"}

_TABLES = """
    select table_schema, table_name from information_schema.tables
    where table_schema = any($1) and table_type = 'BASE TABLE' order by 1, 2
"""
_COLUMNS = """
    select column_name, data_type from information_schema.columns
    where table_schema = $1 and table_name = $2 and is_identity = 'NO' order by ordinal_position
"""
_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


async def store_cases(chain: Chain, count: int, *, like: int) -> None:
    """At least `count` stored cases with everything that belongs to them, made from `like` real ones.

    Every UUID becomes one that follows from it and the number of the copy, so that what belonged
    together still does.
    """
    await chain.run(like)
    connection = await asyncpg.connect(chain.admin_url)
    try:
        # Constraints hold by construction; checking each copied key would take most of the time.
        await connection.execute("set session_replication_role = replica")
        await connection.execute("set synchronous_commit = off")
        for schema, table in await connection.fetch(_TABLES, list(SCHEMAS)):
            if table not in SINGLE:
                columns = await connection.fetch(_COLUMNS, schema, table)
                await connection.execute(_copies(f"{schema}.{table}", columns, -(-count // like)))
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


def _copies(table: str, columns: Sequence[tuple[str, str]], copies: int) -> str:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    values = ", ".join(_value(table, name, kind) for name, kind in columns)
    return (
        f"insert into {table} ({names}) select {values} from {table} as real,"
        f" generate_series(1, {copies}) as copy on conflict do nothing"
    )


def _value(table: str, name: str, kind: str) -> str:
    if table.endswith(".outbox") and name in HISTORY:
        return HISTORY[name]
    column = f'real."{name}"'
    if kind == "uuid":
        return f"md5({column}::text || copy)::uuid"
    if kind != "text":
        return column
    other = f"{column} || '-' || copy" if name in OWN else column
    return f"case when {column} ~ '{_UUID}' then md5({column} || copy)::uuid::text else {other} end"
