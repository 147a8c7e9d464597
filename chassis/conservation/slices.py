"""A look at a rush, in slices: all at once it would keep database and service from everybody else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from chassis.conservation.standing import ROOM

#: Rows of one statement, some milliseconds' work of each side; and what others then have before us.
SLICE: Final = 100
BREATH_SECONDS: Final = 0.1

Found = TypeVar("Found")


async def in_slices(rows: Sequence[Found]) -> AsyncIterator[Sequence[Found]]:
    """All of them, in their order, with a breath between two slices."""
    for start in range(0, len(rows), SLICE):
        if start:
            await asyncio.sleep(BREATH_SECONDS)
        yield rows[start : start + SLICE]


async def by_time(
    read: Callable[[datetime, int], Awaitable[list[Found]]],
    *,
    since: datetime,
    at: Callable[[Found], datetime],
) -> list[Found]:
    """What `read` finds after a moment, oldest first; at most `ROOM`, and what has the last's time.

    read: (after, room) → the first so many, and all that have the last one's time.
    """
    found: list[Found] = []
    while True:
        some = await read(since, SLICE)
        found += some
        if len(some) < SLICE or len(found) >= ROOM:
            return found
        since = at(some[-1])
        await asyncio.sleep(BREATH_SECONDS)
