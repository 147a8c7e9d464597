"""Empties what was made of the events and how far that had come, so that all is read anew."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.store.facts import TABLES

#: What the inbox remembers of each durable, and the auditor with it.
_PLACES: Final = ("parked", "attempts", "conservation", "watched", "positions")
# A batch reads its positions before all else and writes them last: whoever has begun ends first,
# or it would write that it came further than anything that is left.
_LOCK = text("lock table positions in access exclusive mode")
_FORGET_PLACES = [
    text(f"delete from {table} where consumer = any(:consumers)")  # noqa: S608 - tables of ours
    for table in _PLACES
]
_FORGET = [text(f"delete from {table}") for table in TABLES]  # noqa: S608 - tables of ours


async def forget(connection: AsyncConnection, consumers: Sequence[str]) -> None:
    """Every fact goes, and what these durables have done; keys of organisations stay."""
    await connection.execute(_LOCK)
    for statement in _FORGET_PLACES:
        await connection.execute(statement, {"consumers": list(consumers)})
    for statement in _FORGET:
        await connection.execute(statement)
