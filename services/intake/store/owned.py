"""What an owner's pages show of its cases, found by the case's id: a page's address holds no number."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_NUMBER = text("select number from cases where case_id = :case_id and owner = :owner")
# Row-level security shows an owner what is its own, and offers of cases that it made or was made.
_CASES = text("""
    select case_id, number, registered_at, closed_at from cases where number is not null
    order by closed_at is not null, registered_at desc limit 200
""")
_DUE = text("""
    select followup_id, case_id, number, after_days, due_at
    from followups join cases using (case_id)
    where done_at is null and closed_at is null and number is not null order by due_at limit 200
""")
_OFFERED = text("""
    select transfer_id, from_owner, lapses_at from transfers
    where to_owner = current_setting('siraba.org', true) and state = 'offered'
      and lapses_at > clock_timestamp()
    order by lapses_at limit 200
""")
_FOLLOWUPS = text("""
    select followup_id, after_days, due_at, outcome, done_at from followups
    where case_id = any(cast(:cases as uuid[])) order by due_at
""")
_RETURNS = text("""
    select return_id, return_type, is_voluntary, is_risk_assessed, planned_for, completed_on
    from returns where case_id = any(cast(:cases as uuid[])) order by planned_for, return_id
""")
_ASKED = text("""
    select transfer_id, to_owner, lapses_at from transfers
    where case_id = any(cast(:cases as uuid[])) and state = 'offered'
      and from_owner = current_setting('siraba.org', true) and lapses_at > clock_timestamp()
""")
_OFFER = text("""
    select transfer_id, from_owner, ground, shown::text, lapses_at,
           case when state = 'offered' and lapses_at <= clock_timestamp() then 'lapsed'
                else state end as state
    from transfers
    where transfer_id = :transfer_id and to_owner = current_setting('siraba.org', true)
""")
_SERVICES = text("""
    select service from steps where case_id = :case_id
    union select service from unplaced where case_id = :case_id
""")
_OTHERS = text("""
    select code, kind from organisations where code <> current_setting('siraba.org', true)
    order by code
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """The first page: of whom to ask how she is, which cases we are offered, which are ours."""

    due: Sequence[dict[str, Any]]
    offered: Sequence[dict[str, Any]]
    cases: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What goes with a case. asked: the open offer of it to another owner."""

    followups: Sequence[dict[str, Any]]
    returns: Sequence[dict[str, Any]]
    asked: dict[str, Any] | None


async def number_of(connection: AsyncConnection, case_id: UUID, *, owner: str) -> str | None:
    """The number of this organisation's case; None for somebody else's, and for an erased one."""
    number: str | None = await connection.scalar(_NUMBER, {"case_id": case_id, "owner": owner})
    return number


async def mine(connection: AsyncConnection) -> Mine:
    """Of the reading organisation; 200 of each at most."""
    return Mine(
        due=await _rows(connection, _DUE),
        offered=await _rows(connection, _OFFERED),
        cases=await _rows(connection, _CASES),
    )


async def around(connection: AsyncConnection, cases: Collection[UUID]) -> Around:
    """Of one person's cases, which are the reading organisation's."""
    given = {"cases": list(cases)}
    asked = await _rows(connection, _ASKED, given)
    return Around(
        followups=await _rows(connection, _FOLLOWUPS, given),
        returns=await _rows(connection, _RETURNS, given),
        asked=asked[0] if asked else None,
    )


async def offer(connection: AsyncConnection, transfer_id: UUID) -> dict[str, Any] | None:
    """An offer to the reading organisation. shown: what of the case it may know before."""
    found = await _rows(connection, _OFFER, {"transfer_id": transfer_id})
    return found[0] | {"shown": json.loads(found[0]["shown"])} if found else None


async def services(connection: AsyncConnection, case_id: UUID) -> frozenset[str]:
    """What somebody was asked for in this case, or nobody could be."""
    return frozenset(await connection.scalars(_SERVICES, {"case_id": case_id}))


async def others(connection: AsyncConnection) -> list[tuple[str, str]]:
    """(code, kind) of every organisation but the reading one."""
    return [(row.code, row.kind) for row in await connection.execute(_OTHERS)]


async def _rows(
    connection: AsyncConnection, query: Any, given: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await connection.execute(query, given or {})]
