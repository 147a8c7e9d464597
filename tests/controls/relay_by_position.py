"""The relay that many tutorials show: it remembers the last position and asks for what is above."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_ABOVE = text("select position, id from outbox where position > :last order by position limit 500")


@dataclass(slots=True)
class RelayByPosition:
    """Control for `chassis.relay`: same table, same rows, `sent` instead of a broker."""

    engine: AsyncEngine
    last: int = 0
    sent: list[UUID] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            async with self.engine.begin() as connection:
                found = (await connection.execute(_ABOVE, {"last": self.last})).all()
            self.sent += [row.id for row in found]
            self.last = found[-1].position if found else self.last
            if not found:
                await asyncio.sleep(0.01)
