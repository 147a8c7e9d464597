"""Forms of pages that were taken, so that none is taken twice."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_CLAIM = text("""
    insert into forms (organisation, key, digest) values (:organisation, :key, :digest)
    on conflict do nothing
""")
_DIGEST = text("select digest from forms where organisation = :organisation and key = :key")


async def claim(
    connection: AsyncConnection, organisation: str, key: str, *, digest: bytes
) -> bytes | None:
    """Take a key; None when it is new, else the digest it was taken with.

    A parallel use of the same key waits for the first to commit.
    """
    given = {"organisation": organisation, "key": key}
    if (await connection.execute(_CLAIM, given | {"digest": digest})).rowcount:
        return None
    return await taken(connection, organisation, key)


async def taken(connection: AsyncConnection, organisation: str, key: str) -> bytes | None:
    """The digest that this key was taken with; None where nobody has."""
    found: bytes | None = await connection.scalar(
        _DIGEST, {"organisation": organisation, "key": key}
    )
    return found
