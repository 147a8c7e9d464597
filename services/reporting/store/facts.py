"""Facts as rows, one statement per table and batch; a fact that is there already stays as it is."""

from collections.abc import Mapping, Sequence
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
_LIES: Final = "event_id, stream, stream_sequence"
_SAID: Final = f"case_sequence, at, {_LIES}"
#: By name: a column that a newer release has added takes its default where this one knows no value.
COLUMNS: Final[Mapping[str, str]] = {
    "facts_cases": "case_id, owner, registered_on, detected_on, region, sex, age_band, citizenship,"
    " exploitation, offence_class, victim_status, detection_channel, needs, is_suspect_too,"
    f" recorded_at, {_LIES}",
    "facts_merges": f"case_id, merged_into, {_SAID}",
    "facts_erasures": f"case_id, reason, erased_on, {_SAID}",
    "facts_followups": f"case_id, after_days, outcome, done_on, {_SAID}",
    "facts_closings": f"case_id, step, reason, stood_on, {_SAID}",
    "facts_returns": f"case_id, return_type, is_voluntary, is_risk_assessed, completed_on, {_SAID}",
    "facts_exceptions": f"case_id, organisation, reason, {_SAID}",
    "facts_referrals": "referral_id, case_id, service, organisation, organisation_kind, urgency,"
    f" region, rank, ground, offered_at, {_LIES}",
    "facts_referral_steps": f"referral_id, step, reason, {_SAID}",
    "facts_unplaced": f"case_id, service, reason, {_SAID}",
    "facts_places": f"organisation, service, places, free, counted_at, {_SAID}",
    "facts_proceedings": "case_id, organisation, organisation_kind, proceeding_id, state, stood_on,"
    f" offence_class, court, region, is_civil_party, {_SAID}",
    "facts_suspects": "proceeding_id, organisation, suspect_id, stood_on, custody, sex, age_band,"
    f" citizenship, is_official, is_victim_too, {_SAID}",
    "facts_judgments": "proceeding_id, organisation, suspect_id, judged_on, court, offence_class,"
    " verdict, is_final, sentences, months, suspended_months, fine, reparation, reparation_paid,"
    f" {_SAID}",
    "facts_sessions": "organisation, session_id, session_kind, held_on, region, cercle, language,"
    f" organiser, participants, trained, estimated_reach, calls, {_SAID}",
    "facts_distinctions": f"organisation, session_id, {_SAID}",
    "organisations": f"code, kind, region, name_fr, name_en, recorded_at, {_LIES}",
    "followed": "stream, sequence, recorded_at",
}
#: All that is made of the events, and how far it is made.
TABLES: Final = tuple(COLUMNS)


def _insert(table: str, *, furthest: str = "") -> str:
    """The table itself says what type each field of the JSON has."""
    given = f"jsonb_populate_recordset(cast(null as {table}), cast(:rows as jsonb))"
    columns = COLUMNS[table]
    return f"insert into {table} as known ({columns}) select {furthest} {columns} from {given}"  # noqa: S608 - tables of ours


_SAVE = {table: text(f"{_insert(table)} on conflict do nothing") for table in get_args(Table)}
_SAVE_ORGANISATIONS = text(f"""
    {_insert("organisations", furthest="distinct on (code)")}
    order by code, stream_sequence desc
    on conflict (code) do update set
        kind = excluded.kind, region = excluded.region, name_fr = excluded.name_fr,
        name_en = excluded.name_en, recorded_at = excluded.recorded_at,
        event_id = excluded.event_id, stream = excluded.stream,
        stream_sequence = excluded.stream_sequence
    where known.stream_sequence < excluded.stream_sequence
""")
_FOLLOW = text(f"""
    {_insert("followed", furthest="distinct on (stream)")}
    order by stream, sequence desc
    on conflict (stream) do update set
        sequence = excluded.sequence, recorded_at = excluded.recorded_at
    where known.sequence < excluded.sequence
""")
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
