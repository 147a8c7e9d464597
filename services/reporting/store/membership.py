"""Which organisation is the committee, by the events of the directory."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

#: Whose analysts decide what is published.
PUBLISHER: Final = "committee"
_IS_COMMITTEE = text(
    "select exists (select from organisations where code = :code and kind = :kind)"
)


async def is_committee(connection: AsyncConnection, organisation: str) -> bool:
    """Whether this organisation is it."""
    asked = {"code": organisation, "kind": PUBLISHER}
    return bool(await connection.scalar(_IS_COMMITTEE, asked))
