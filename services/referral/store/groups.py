"""Incidents whose cases are placed together: who belongs to each, and the plan that was made."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """An incident. state: `gathering`, `planned`, `sent`; plan: None while it is gathered.

    version: counts the plans that were made of it.
    """

    incident_id: UUID
    owner: str
    state: str
    version: int
    wishes: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] | None = None
    age_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    """A case of an incident, and the services for which it waits for the plan."""

    case_id: UUID
    incident_id: UUID
    owner: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """An incident whose plan waits for its owner."""

    incident_id: UUID
    planned_at: datetime
    persons: int


_COLUMNS = """incident_id, owner, state, version, wishes, plan,
    extract(epoch from clock_timestamp() - planned_at)::bigint / 60 as age_minutes"""
_FOUND = text("""
    insert into groups (incident_id, owner)
    select * from unnest(cast(:ids as uuid[]), cast(:owners as text[]))
    on conflict do nothing returning incident_id
""")
_EXPECT = text("""
    update groups set persons = given.persons
    from unnest(cast(:ids as uuid[]), cast(:persons as int[])) as given(incident_id, persons)
    where groups.incident_id = given.incident_id
""")
# The timers before the incidents, as whoever acts on time does, or the two could lock each other out.
_LOCK_TIMERS = text("""
    select from timers where matter_id = any(cast(:ids as uuid[])) order by matter_id for update
""")
_LOCK = text("""
    select incident_id, state from groups where incident_id = any(cast(:ids as uuid[]))
    order by incident_id for update
""")
_JOIN = text("""
    insert into group_cases (case_id, incident_id, owner, services)
    select (row->>'case_id')::uuid, (row->>'incident_id')::uuid, row->>'owner', row->'services'
    from jsonb_array_elements(cast(:rows as jsonb)) as given(row)
""")
_COMPLETE = text("""
    select incident_id from groups
    where incident_id = any(cast(:ids as uuid[])) and state = 'gathering' and persons <=
        (select count(*) from group_cases one where one.incident_id = groups.incident_id)
    order by incident_id
""")
_CASES = text("""
    select case_id, incident_id, owner, services from group_cases
    where incident_id = :incident_id order by case_id
""")
_OF = text("""
    select distinct incident_id from group_cases where case_id = any(cast(:ids as uuid[]))
""")
_ONE = text(f"select {_COLUMNS} from groups where incident_id = :incident_id")  # noqa: S608 - a constant of ours
_ONE_LOCKED = text(f"{_ONE.text} for update")
_WAITING = text("""
    select incident_id, planned_at,
           (select count(*) from group_cases one where one.incident_id = groups.incident_id) as persons
    from groups where owner = :owner and state = 'planned' order by planned_at, incident_id
""")
_SAVE = text("""
    update groups set state = :state, version = version + 1, wishes = cast(:wishes as jsonb),
        plan = cast(:plan as jsonb), planned_at = clock_timestamp()
    where incident_id = :incident_id
""")
_LEAVE = text("""
    with gone as (
        update group_cases set services = '[]' where case_id = :case_id returning incident_id
    )
    update groups set plan = plan || jsonb_build_object(
        'placed', jsonb_path_query_array(plan, '$.placed[*] ? (@.member != $left)', left_by),
        'unplaced', jsonb_path_query_array(plan, '$.unplaced[*] ? (@.member != $left)', left_by))
    from gone, jsonb_build_object('left', cast(:case_id as uuid)) as left_by
    where groups.incident_id = gone.incident_id and state = 'planned'
""")
_SENT = text("update groups set state = 'sent' where incident_id = :incident_id")


async def found(connection: AsyncConnection, owners: Mapping[UUID, str]) -> list[UUID]:
    """Remember these incidents, by owner; those that were not known."""
    given = {"ids": list(owners), "owners": list(owners.values())}
    return [row.incident_id for row in await connection.execute(_FOUND, given)]


async def expect(connection: AsyncConnection, persons: Mapping[UUID, int]) -> None:
    """So many cases will come of each."""
    given = {"ids": list(persons), "persons": list(persons.values())}
    await connection.execute(_EXPECT, given)


async def lock(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, str]:
    """The state of each, locked with its timer."""
    await connection.execute(_LOCK_TIMERS, {"ids": list(ids)})
    rows = await connection.execute(_LOCK, {"ids": list(ids)})
    return {row.incident_id: row.state for row in rows}


async def join(connection: AsyncConnection, cases: Sequence[Joined]) -> None:
    """These belong to their incidents."""
    rows = [{name: getattr(one, name) for name in Joined.__slots__} for one in cases]
    await connection.execute(_JOIN, {"rows": as_json(rows)})


async def complete(connection: AsyncConnection, ids: Collection[UUID]) -> list[UUID]:
    """Those of these, not planned yet, of which everybody is there."""
    return [row.incident_id for row in await connection.execute(_COMPLETE, {"ids": list(ids)})]


async def cases(connection: AsyncConnection, incident_id: UUID) -> list[Joined]:
    """Who belongs to it, and the reader may see."""
    rows = await connection.execute(_CASES, {"incident_id": incident_id})
    return [
        Joined(row.case_id, row.incident_id, row.owner, tuple(_loaded(row.services)))
        for row in rows
    ]


async def of_cases(connection: AsyncConnection, cases: Collection[UUID]) -> list[UUID]:
    """The incidents that these cases belong to."""
    return list(await connection.scalars(_OF, {"ids": list(cases)}))


async def one(
    connection: AsyncConnection, incident_id: UUID, *, is_locked: bool = False
) -> Gathering | None:
    """That one, if there is one and the reader may see it."""
    statement = _ONE_LOCKED if is_locked else _ONE
    row = (await connection.execute(statement, {"incident_id": incident_id})).one_or_none()
    if row is None:
        return None
    said = dict(row._mapping)
    loaded = {"wishes": _loaded(row.wishes), "plan": _loaded(row.plan)}
    return Gathering(**said | loaded | {"age_minutes": row.age_minutes or 0})


async def planned(connection: AsyncConnection, owner: str) -> list[Planned]:
    """This organisation's incidents whose plan nobody has sent, the oldest first."""
    return [Planned(*row) for row in await connection.execute(_WAITING, {"owner": owner})]


async def save_plan(
    connection: AsyncConnection,
    incident_id: UUID,
    *,
    wishes: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> None:
    """Keep a plan in place of the one before."""
    given = {"wishes": json.dumps(wishes), "plan": json.dumps(plan), "state": "planned"}
    await connection.execute(_SAVE, {"incident_id": incident_id, **given})


async def leave(connection: AsyncConnection, case_id: UUID) -> None:
    """This case waits for no plan any more, nor is it in one; it still counts among those that came."""
    await connection.execute(_LEAVE, {"case_id": case_id})


async def sent(connection: AsyncConnection, incident_id: UUID) -> None:
    """It is done with: cases that still come go their own ways."""
    await connection.execute(_SENT, {"incident_id": incident_id})


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
