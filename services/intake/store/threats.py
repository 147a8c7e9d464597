"""Threats against a person: who warned of what, and what that makes of the facts of each of her cases."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SAVE = text("""
    insert into threats (event_id, case_id, organisation, threat, threat_source, urgency, "on", at,
                         safety)
    values (:event_id, :case_id, :organisation, :threat, :threat_source, :urgency, :on, :at,
            :safety)
    on conflict do nothing
""")
# As referral says it of its own copy: at high risk, and these instructions besides those of before.
_HEED = text("""
    update cases set heeded = case when exists (
        select from threats where case_id = any(cast(:cases as uuid[]))
    ) then jsonb_build_object('risk', 'high', 'safety', (
        select coalesce(jsonb_agg(distinct word), '[]') from (
            select jsonb_array_elements_text(facts->'safety')
            union
            select unnest(safety) from threats where case_id = any(cast(:cases as uuid[]))
        ) as said(word))) end
    where case_id = any(cast(:cases as uuid[]))
""")


async def save(
    connection: AsyncConnection, row: Mapping[str, Any], *, safety: Sequence[str]
) -> None:
    """A threat that was reported on one case, with the instructions that hold since then."""
    await connection.execute(_SAVE, {**row, "safety": list(safety)})


async def heed(connection: AsyncConnection, cases: Collection[UUID]) -> None:
    """Whatever threat was reported on one of these counts in each of them, and no other does.

    To be called with all cases of a person, whenever there is a threat more, or who is whose changes.
    """
    await connection.execute(_HEED, {"cases": list(cases)})
