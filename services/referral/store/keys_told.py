"""Which of the platform's public keys the organisations have been told of."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.keyring import PublicKey

# Whoever comes second waits for the first to commit, and then finds nothing new.
_NOTE = text("""
    insert into keys_told (key) select unnest(cast(:keys as text[])) order by 1
    on conflict (key) do nothing returning key
""")


async def note(connection: AsyncConnection, keys: Iterable[PublicKey]) -> int:
    """Remember that these are told with this transaction; how many were not told before."""
    found = await connection.execute(_NOTE, {"keys": [key.key for key in keys]})
    return len(found.all())
