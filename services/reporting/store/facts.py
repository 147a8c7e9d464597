"""Facts as rows, one statement per table and batch; a fact that is there already stays as it is."""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json

Table = Literal[
    "facts_cases",
    "facts_merges",
    "facts_erasures",
    "facts_followups",
    "facts_closings",
    "facts_returns",
    "facts_exceptions",
    "facts_referrals",
    "facts_referral_steps",
    "facts_unplaced",
    "facts_places",
    "facts_proceedings",
    "facts_suspects",
    "facts_judgments",
    "facts_sessions",
    "facts_distinctions",
]
Row = dict[str, Any]
#: All that is made of the events, and how far it is made.
TABLES: Final = (*get_args(Table), "organisations", "followed")

# The table itself says what type each field of the JSON has.
_GIVEN = "jsonb_populate_recordset(cast(null as {table}), cast(:rows as jsonb))"
_SAVE = {
    table: text(
        f"insert into {table} select * from {_GIVEN.format(table=table)} on conflict do nothing"  # noqa: S608 - tables of ours
    )
    for table in get_args(Table)
}
_SAVE_ORGANISATIONS = text(f"""
    insert into organisations as known
    select distinct on (code) * from {_GIVEN.format(table="organisations")}
    order by code, stream_sequence desc
    on conflict (code) do update set
        kind = excluded.kind, region = excluded.region, name_fr = excluded.name_fr,
        name_en = excluded.name_en, recorded_at = excluded.recorded_at,
        event_id = excluded.event_id, stream = excluded.stream,
        stream_sequence = excluded.stream_sequence
    where known.stream_sequence < excluded.stream_sequence
""")  # noqa: S608 - a table of ours
_FOLLOW = text(f"""
    insert into followed as known
    select distinct on (stream) * from {_GIVEN.format(table="followed")}
    order by stream, sequence desc
    on conflict (stream) do update set
        sequence = excluded.sequence, recorded_at = excluded.recorded_at
    where known.sequence < excluded.sequence
""")  # noqa: S608 - a table of ours
_ANY_CASE = text("select exists (select from facts_cases)")


async def any_case(connection: AsyncConnection) -> bool:
    """Whether anybody is counted."""
    return bool(await connection.scalar(_ANY_CASE))


async def save(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert facts; each row has a value for every column of the table that may not be null."""
    await _execute(connection, _SAVE[table], rows)


async def save_organisations(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Insert or replace; the entry that lies furthest on in the stream counts."""
    await _execute(connection, _SAVE_ORGANISATIONS, rows)


async def follow(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Remember the furthest message of each stream that was counted, with the facts themselves."""
    await _execute(connection, _FOLLOW, rows)


async def _execute(connection: AsyncConnection, statement: Any, rows: Sequence[Row]) -> None:
    if rows:
        await connection.execute(statement, {"rows": as_json(rows)})
