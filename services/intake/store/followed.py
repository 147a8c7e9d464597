"""What intake keeps of other services' events: the directory's keys and the steps of referrals."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json

_ORGANISATIONS = text("""
    insert into organisations (code, kind, channel)
    select row->>'code', row->>'kind', row->>'channel'
    from jsonb_array_elements(cast(:rows as jsonb)) as given(row)
    on conflict (code) do update set kind = excluded.kind, channel = excluded.channel
""")
_STEPS = text("""
    insert into steps (referral_id, step, case_id, organisation, service, at, reason)
    select (row->>'referral_id')::uuid, row->>'step', (row->>'case_id')::uuid,
           row->>'organisation', row->>'service', (row->>'at')::timestamptz, row->>'reason'
    from jsonb_array_elements(cast(:rows as jsonb)) as given(row)
    on conflict do nothing
""")
# What was said of a case that is closed meanwhile is over.
_UNPLACED = text("""
    insert into unplaced (case_id, service, reason, unplaced_id, at)
    select :case_id, :service, :reason, :unplaced_id, :at
    where not exists (select from cases where case_id = :case_id and closed_at is not null)
    on conflict (case_id, service) do update set
        reason = excluded.reason, unplaced_id = excluded.unplaced_id, at = excluded.at
""")
_PLACED = text("""
    delete from unplaced
    using unnest(cast(:cases as uuid[]), cast(:services as text[])) as placed(case_id, service)
    where unplaced.case_id = placed.case_id and unplaced.service = placed.service
""")


# Of an earlier day than the last it says nothing of where the file stands.
_FILES = text("""
    insert into files as known (case_id, organisation, proceeding_id, state, "on", next_hearing_on)
    values (:case_id, :organisation, :proceeding_id, :state, :on, :next_hearing_on)
    on conflict (case_id, organisation, proceeding_id) do update set
        state = excluded.state, "on" = excluded."on", next_hearing_on = excluded.next_hearing_on
        where known."on" <= excluded."on"
""")


async def save_organisations(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or replace; the last of a batch counts."""
    latest = list({row["code"]: row for row in rows}.values())
    await connection.execute(_ORGANISATIONS, {"rows": as_json(latest)})


async def save_steps(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert steps of referrals."""
    await connection.execute(_STEPS, {"rows": as_json(rows)})


async def save_file(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Where a file of the police or of justice stands in a case."""
    await connection.execute(_FILES, row)


async def save_unplaced(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Remember that nobody takes a service on."""
    await connection.execute(_UNPLACED, row)


async def forget_unplaced(connection: AsyncConnection, placed: Sequence[tuple[UUID, str]]) -> None:
    """Somebody is asked for these services of these cases."""
    if placed:
        cases, services = map(list, zip(*placed, strict=True))
        await connection.execute(_PLACED, {"cases": cases, "services": services})
