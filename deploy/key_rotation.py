"""New key-encryption keys for the vault, under load, and the end of old ones."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.state import State
from services.intake.store import person_keys
from services.intake.vault import KeyFiles, MonthlyKeys, key_files, months

#: As long as a backup of the database lives, and so needs the keys of its day.
BACKUP_LIFE: Final = timedelta(days=30)
_BATCH: Final = 500
_FIRST: Final = UUID(int=0)


class StillNeeded(ValueError):
    """A key-encryption key that something still rests on; the message says what."""


class Rotated(NamedTuple):
    """Which version wraps now, whether it is new, how many keys moved, whose would not open."""

    kek_id: str
    is_new: bool
    moved: int
    damaged: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One key-encryption key; needed_until: for backups, once a rotation has seen it unused."""

    kek_id: str
    uses: int
    is_here: bool
    is_newest: bool
    needed_until: datetime | None


def vault_keys(state: State) -> KeyFiles:
    """The key-encryption keys of a platform."""
    return KeyFiles(state.vault / key_files.FOLDER, token_bytes)


def monthly_keys(state: State) -> MonthlyKeys:
    """The keys that partners seal to."""
    return MonthlyKeys(state.vault / months.FOLDER, token_bytes)


def make_first_key(state: State, *, at: datetime) -> None:
    """The first version, when there is none at all."""
    keys = vault_keys(state)
    if not keys.folder.is_dir():
        keys.make(at)


async def rotate(
    engine: AsyncEngine,
    keys: KeyFiles,
    *,
    at: datetime,
    batch: int = _BATCH,
    settle_seconds: float = 2 * key_files.LOOK_SECONDS,
) -> Rotated:
    """Make a version and bring every person's key under it; an unfinished rotation is finished.

    May be broken off anywhere: each batch is a transaction, all versions unwrap, and the next call
    goes on without making another. Cases are registered meanwhile; a submission that was wrapped
    before the new version came is found by the pass after `settle_seconds`.
    """
    moved, damaged = await _passes(engine, keys, batch=batch, settle_seconds=settle_seconds)
    if moved:
        return Rotated(await keys.newest(), is_new=False, moved=moved, damaged=damaged)
    kek_id = keys.make(at)
    moved, damaged = await _passes(engine, keys, batch=batch, settle_seconds=settle_seconds)
    return Rotated(kek_id, is_new=True, moved=moved, damaged=damaged)


async def retire(engine: AsyncEngine, keys: KeyFiles, *, kek_id: str, at: datetime) -> None:
    """Destroy a version that nothing rests on: no row, and no backup that still lives.

    Raises `StillNeeded`, or ValueError for one that is not here.
    """
    versions, _ = await survey(engine, keys)
    found = next((one for one in versions if one.kek_id == kek_id and one.is_here), None)
    if found is None:
        raise ValueError(f"there is no key-encryption key {kek_id}: see `siraba vault status`")
    if found.is_newest:
        raise StillNeeded(f"{kek_id} is the newest and wraps every new key: rotate first")
    if found.uses or found.needed_until is None:
        raise StillNeeded(f"{kek_id} wraps {found.uses} keys: finish with `siraba vault rotate`")
    if at < found.needed_until:
        raise StillNeeded(f"backups that need {kek_id} live until {found.needed_until:%Y-%m-%d}")
    keys.destroy(kek_id)


async def survey(engine: AsyncEngine, keys: KeyFiles) -> tuple[list[Version], int]:
    """Every version that is here or that a row names, oldest first; how many keys were destroyed."""
    async with engine.connect() as connection:
        used = await person_keys.uses(connection)
        left = await person_keys.left_at(connection)
        destroyed = await person_keys.destroyed_count(connection)
    here = keys.ids()
    versions = [
        Version(
            kek_id=kek_id,
            uses=used.get(kek_id, 0),
            is_here=kek_id in here,
            is_newest=kek_id == here[-1],
            needed_until=left[kek_id] + BACKUP_LIFE if kek_id in left else None,
        )
        for kek_id in sorted({*here, *used})
    ]
    return versions, destroyed


async def _passes(
    engine: AsyncEngine, keys: KeyFiles, *, batch: int, settle_seconds: float
) -> tuple[int, tuple[UUID, ...]]:
    """Through all rows until a pass finds none to move."""
    async with engine.begin() as connection:
        await person_keys.note_used(connection)
    total = 0
    while True:
        moved, damaged = await _one_pass(engine, keys, batch=batch)
        total += moved
        if not moved:
            async with engine.begin() as connection:
                await person_keys.note_left(connection, keys.ids()[:-1])
            return total, damaged
        await asyncio.sleep(settle_seconds)


async def _one_pass(
    engine: AsyncEngine, keys: KeyFiles, *, batch: int
) -> tuple[int, tuple[UUID, ...]]:
    moved = 0
    damaged: list[UUID] = []
    after: UUID | None = _FIRST
    while after is not None:
        async with engine.begin() as connection:
            done = await person_keys.rewrap_some(connection, keys, after=after, size=batch)
        moved += done.moved
        damaged += done.damaged
        after = done.last
    return moved, tuple(damaged)
