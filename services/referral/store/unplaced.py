"""Services that nobody is asked for: a person has to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Unplaced:
    """One service that one case needs; how soon, and why nobody is asked."""

    unplaced_id: UUID
    case_id: UUID
    owner: str
    service: str
    urgency: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """How long one has waited, by the database's clock."""

    unplaced: Unplaced
    since: datetime
    age_minutes: int


_COLUMNS = "unplaced_id, case_id, owner, service, urgency, reason"
_SAVE = text(f"""
    insert into unplaced ({_COLUMNS}, since)
    select *, clock_timestamp()
    from unnest(cast(:unplaced_id as uuid[]), cast(:case_id as uuid[]), cast(:owner as text[]),
                cast(:service as text[]), cast(:urgency as text[]), cast(:reason as text[]))
    on conflict (case_id, service) do update set
        unplaced_id = excluded.unplaced_id, urgency = excluded.urgency, reason = excluded.reason,
        since = excluded.since, lost_ground = false
""")  # noqa: S608 - a constant of ours
_LOCK = text(f"""
    select {_COLUMNS} from unplaced where unplaced_id = :unplaced_id and owner = :owner for update
""")  # noqa: S608 - a constant of ours
_OF_CASE = text("""
    select unplaced_id from unplaced where case_id = :case_id order by unplaced_id for update
""")
_WAITING = text(f"""
    select {_COLUMNS} from unplaced where case_id = :case_id and not lost_ground
    order by unplaced_id for update
""")  # noqa: S608 - a constant of ours
_LOSE = text("update unplaced set lost_ground = true where unplaced_id = any(cast(:ids as uuid[]))")
_LOST = text("select service, urgency from unplaced where case_id = :case_id and lost_ground")
_TAKE = text("""
    delete from unplaced where case_id = :case_id and lost_ground and service = any(:services)
""")
_REMOVE = text("delete from unplaced where unplaced_id = :unplaced_id")
_REMOVE_OF_CASE = text("delete from unplaced where case_id = :case_id")
# The rows that the reader may see (row-level security), the most urgent first, then the oldest.
_LIST = text(f"""
    select {_COLUMNS}, since,
           extract(epoch from clock_timestamp() - since)::bigint / 60 as age_minutes
    from unplaced
    order by array_position(cast(:urgencies as text[]), urgency), since limit 500
""")  # noqa: S608 - a constant of ours
_ONE = text(f"""
    select {_COLUMNS} from unplaced where unplaced_id = :unplaced_id
""")  # noqa: S608 - a constant of ours


async def save(connection: AsyncConnection, unplaced: Sequence[Unplaced]) -> None:
    """Remember that these wait for a person."""
    if unplaced:
        columns = [name.strip() for name in _COLUMNS.split(",")]
        given = {name: [getattr(one, name) for one in unplaced] for name in columns}
        await connection.execute(_SAVE, given)


async def lock(connection: AsyncConnection, unplaced_id: UUID, *, owner: str) -> Unplaced | None:
    """That one, locked; None where none waits under this id for this owner."""
    given = {"unplaced_id": unplaced_id, "owner": owner}
    row = (await connection.execute(_LOCK, given)).one_or_none()
    return None if row is None else Unplaced(*row)


async def remove(connection: AsyncConnection, unplaced_id: UUID) -> None:
    """It does not wait any more."""
    await connection.execute(_REMOVE, {"unplaced_id": unplaced_id})


async def waiting(connection: AsyncConnection, case_id: UUID) -> list[Unplaced]:
    """What waits of this case and somebody could be asked for, locked."""
    found = await connection.execute(_WAITING, {"case_id": case_id})
    return [Unplaced(*row) for row in found]


async def lose_ground(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    """Nobody may be asked for these any more: they are shown still, and nobody is called."""
    await connection.execute(_LOSE, {"ids": list(ids)})


async def lost(connection: AsyncConnection, case_id: UUID) -> dict[str, str]:
    """By service of this case for which nobody may be asked, how soon it is needed."""
    found = await connection.execute(_LOST, {"case_id": case_id})
    return {row.service: row.urgency for row in found}


async def take_lost(connection: AsyncConnection, case_id: UUID, services: Sequence[str]) -> None:
    """Somebody may be asked for these again."""
    await connection.execute(_TAKE, {"case_id": case_id, "services": list(services)})


async def remove_of_case(connection: AsyncConnection, case_id: UUID) -> None:
    """Nothing of this case waits any more."""
    await connection.execute(_OF_CASE, {"case_id": case_id})
    await connection.execute(_REMOVE_OF_CASE, {"case_id": case_id})


async def find(connection: AsyncConnection, unplaced_id: UUID) -> Unplaced | None:
    """That one, if it waits and the reader may see it."""
    row = (await connection.execute(_ONE, {"unplaced_id": unplaced_id})).one_or_none()
    return None if row is None else Unplaced(*row)


async def listed(connection: AsyncConnection, *, urgencies: Sequence[str]) -> list[Since]:
    """What waits and the reader may see, 500 at most. urgencies: their codes, the soonest first."""
    found = await connection.execute(_LIST, {"urgencies": list(urgencies)})
    return [
        Since(unplaced=Unplaced(*row[:-2]), since=row.since, age_minutes=row.age_minutes)
        for row in found
    ]
