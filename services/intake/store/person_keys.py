"""The wrapped keys of persons: moved under newer key-encryption keys, and destroyed."""

from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.vault import KeyDamaged, KeyEncryption, WrappedKey

_DESTROY = text("""
    update person_keys set kek_id = null, wrapped = null, destroyed_at = :at
    where case_id = :case_id and wrapped is not null
""")
# By case, so that a pass goes on where it is and meets each row once, whatever comes in meanwhile.
_OLD = text("""
    select case_id, kek_id, wrapped from person_keys
    where case_id > :after and kek_id <> :newest
    order by case_id limit :size for update
""")
_REWRAP = text("""
    update person_keys set kek_id = given.kek_id, wrapped = given.wrapped
    from unnest(cast(:cases as uuid[]), cast(:keks as text[]), cast(:keys as bytea[]))
        as given(case_id, kek_id, wrapped)
    where person_keys.case_id = given.case_id
""")
_USES = text("""
    select kek_id, count(*) as uses from person_keys where kek_id is not null group by kek_id
""")
_DESTROYED = text("select count(*) from person_keys where destroyed_at is not null")
_LEFT = text("select kek_id, left_at from left_keks")
_NOT_LEFT = text(
    "delete from left_keks using person_keys where left_keks.kek_id = person_keys.kek_id"
)
_NOTE_LEFT = text("""
    insert into left_keks (kek_id, left_at)
    select kek_id, clock_timestamp() from unnest(cast(:keks as text[])) as old(kek_id)
    where not exists (select from person_keys where person_keys.kek_id = old.kek_id)
    on conflict do nothing
""")


class Rewrapped(NamedTuple):
    """Where a pass got (None: at its end), how many keys it moved, whose would not open."""

    last: UUID | None
    moved: int
    damaged: tuple[UUID, ...]


async def destroy_key(connection: AsyncConnection, case_id: UUID, *, at: datetime) -> bool:
    """Make everything under this person's key unreadable for ever; False if it already was."""
    done = await connection.execute(_DESTROY, {"case_id": case_id, "at": at})
    return done.rowcount > 0


async def rewrap_some(
    connection: AsyncConnection, keys: KeyEncryption, *, after: UUID, size: int
) -> Rewrapped:
    """Bring up to `size` keys behind `after` under the newest version.

    The rows stay locked until the caller commits, so that an erasure waits and wins. Raises
    `KeyUnavailable`.
    """
    newest = await keys.newest()
    found = await connection.execute(_OLD, {"after": after, "newest": newest, "size": size})
    rows = found.all()
    moved: dict[UUID, WrappedKey] = {}
    for row in rows:
        with suppress(KeyDamaged):
            key = await keys.unwrap(WrappedKey(row.kek_id, row.wrapped), row.case_id)
            moved[row.case_id] = await keys.wrap(key, row.case_id)
    given = {
        "cases": list(moved),
        "keks": [key.kek_id for key in moved.values()],
        "keys": [key.wrapped for key in moved.values()],
    }
    await connection.execute(_REWRAP, given)
    return Rewrapped(
        last=rows[-1].case_id if rows else None,
        moved=len(moved),
        damaged=tuple(row.case_id for row in rows if row.case_id not in moved),
    )


async def note_used(connection: AsyncConnection) -> None:
    """An old version under which a key came in late has not been left."""
    await connection.execute(_NOT_LEFT)


async def note_left(connection: AsyncConnection, old: tuple[str, ...]) -> None:
    """Remember since when the old versions wrap nothing."""
    await connection.execute(_NOTE_LEFT, {"keks": list(old)})


async def left_at(connection: AsyncConnection) -> dict[str, datetime]:
    """Since when each old version wraps nothing, as far as a rotation has seen it."""
    return {row.kek_id: row.left_at for row in await connection.execute(_LEFT)}


async def uses(connection: AsyncConnection) -> dict[str, int]:
    """How many persons' keys each key-encryption key wraps."""
    return {row.kek_id: row.uses for row in await connection.execute(_USES)}


async def destroyed_count(connection: AsyncConnection) -> int:
    """How many persons' keys were destroyed."""
    return int(await connection.scalar(_DESTROYED) or 0)
