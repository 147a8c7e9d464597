"""The organisations' public keys as each service keeps them: added and ended, never deleted."""

from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.keyring import PublicKey, Use

# News can only end a key earlier, so the order in which it comes changes nothing.
_SAVE = text("""
    insert into organisation_keys as known (key, owner, use, valid_from, valid_until, suspect_from)
    values (:key, :owner, :use, :valid_from, :valid_until, :suspect_from)
    on conflict (key) do update set
        valid_until = least(known.valid_until, excluded.valid_until),
        suspect_from = least(known.suspect_from, excluded.suspect_from)
    where (known.owner, known.use) = (excluded.owner, excluded.use)
""")
_END = text("""
    update organisation_keys set
        valid_until = least(valid_until, cast(:valid_until as timestamptz)),
        suspect_from = least(suspect_from, cast(:suspect_from as timestamptz))
    where (key, owner, use) = (:key, :owner, :use)
""")
_LOAD = text("""
    select owner, use, key, valid_from, valid_until, suspect_from from organisation_keys
    where coalesce(use = cast(:use as text), true) and coalesce(owner = cast(:owner as text), true)
    order by owner, valid_from, key
""")
_CURRENT = text("""
    select key from organisation_keys
    where owner = :owner and use = 'signing'
      and coalesce(valid_until > clock_timestamp(), true)
      and coalesce(suspect_from > clock_timestamp(), true)
    order by valid_from desc limit 1
""")


# In the order of _LOAD's columns.
_COLUMNS = ("owner", "use", "key", "valid_from", "valid_until", "suspect_from")


@lru_cache(maxsize=10_000)  # consumers ask each second, and checking a key's point takes 0.1 ms
def checked_key(row: tuple[object, ...]) -> PublicKey:
    """The key of a row in the order owner, use, key, valid from, valid until, suspect from."""
    return PublicKey.model_validate(dict(zip(_COLUMNS, row, strict=True)))


async def save_keys(connection: AsyncConnection, keys: Iterable[PublicKey]) -> None:
    """Remember keys and their ends."""
    rows = [key.model_dump() for key in keys]
    if rows:
        await connection.execute(_SAVE, rows)


async def end_keys(connection: AsyncConnection, keys: Iterable[PublicKey]) -> None:
    """Remember the ends of keys that are known; no key becomes known by it."""
    rows = [key.model_dump() for key in keys if key.valid_until or key.suspect_from]
    if rows:
        await connection.execute(_END, rows)


async def load_keys(
    connection: AsyncConnection, *, use: Use | None = None, owner: str | None = None
) -> list[PublicKey]:
    """Every such key, good or not: a message is judged at its own time."""
    found = await connection.execute(_LOAD, {"use": use, "owner": owner})
    return [checked_key(tuple(row)) for row in found]


async def current_key(connection: AsyncConnection, owner: str) -> str | None:
    """What the owner's tokens are checked with now: base64url, or None."""
    key: str | None = await connection.scalar(_CURRENT, {"owner": owner})
    return key
