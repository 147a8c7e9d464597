"""Takes in a whole invented history at once, where nobody real has been counted."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.store import facts
from services.reporting.use_cases.taking import Happened, take_events

#: As many as a statement takes well; a consumer's batches are smaller.
BATCH: Final = 2_000


class SomebodyIsCounted(Exception):
    """There are facts of cases: an invented history would be mixed with them for ever."""


async def take_invented(engine: AsyncEngine, events: Iterable[Happened]) -> int:
    """All of the history or, where anything fails, nothing of it; how many events that are.

    Raises `SomebodyIsCounted`.
    """
    total, coming = 0, iter(events)
    async with engine.begin() as connection:
        if await facts.any_case(connection):
            raise SomebodyIsCounted
        while batch := list(islice(coming, BATCH)):
            await take_events(connection, batch)
            total += len(batch)
    return total
