"""Keeps the boards up to date: counted once for all who look, again when something was counted since."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain import Window
from services.reporting.domain.disclosure import rounded_down
from services.reporting.domain.rounding import Count, rounded
from services.reporting.store import boards, figures, silence
from services.reporting.store.boards import BOARDS

__all__ = ["BOARDS", "FIRST_YEAR", "Board", "Boards", "NoBoard"]

#: Before it nobody referred by messages; a bound on how many boards are kept.
FIRST_YEAR: Final = 2000
#: How old a board may be that nobody asks to be the newest; it says of when it is.
OLD: Final = timedelta(minutes=5)
#: How old a board may be to which nothing was added: who waits or is silent changes by itself.
STALE: Final = timedelta(minutes=10)
WATCHES_SILENCE: Final = "operations"


class NoBoard(Exception):
    """There is no such board, or not of that year: `field` says which."""

    def __init__(self, field: str):
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All counts of one board over a calendar year, of one snapshot.

    step: every number is rounded down to a multiple of it; 1: none is. silent: on the board of
    operations only.
    """

    name: str
    window: Window
    step: int
    followed: tuple[figures.Followed, ...]
    counts: Mapping[str, Count]
    silent: tuple[silence.Silent, ...]

    @property
    def tag(self) -> str:
        """The same for the same numbers up to the same positions, whenever they were counted."""
        said = (self.name, self.window.start, self.step, self.followed, self.counts, self.silent)
        return sha256(repr(said).encode()).hexdigest()[:32]

    def as_seen(self, step: int) -> "Board":
        """With every number rounded down to a multiple of the step."""
        if step == 1:
            return self
        counts = {name: rounded(count, step) for name, count in self.counts.items()}
        silent = tuple(
            replace(one, referrals=rounded_down(one.referrals, step)) for one in self.silent
        )
        return replace(self, step=step, counts=counts, silent=silent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boards:
    """The boards of one process. engine: as reporting's reading role; clock: what `as_of` is read from."""

    engine: AsyncEngine
    clock: Callable[[], datetime]
    _kept: dict[tuple[str, int], Board] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def this_year(self) -> int:
        """Which one is shown to whoever names none."""
        return self.clock().year

    def require(self, name: str, year: int) -> None:
        """Raises `NoBoard`."""
        if name not in BOARDS:
            raise NoBoard("board")
        if not FIRST_YEAR <= year <= self.this_year():
            raise NoBoard("year")

    async def recent(self, name: str, year: int) -> Board:
        """The board as it was five minutes ago, or later. Raises `NoBoard`."""
        kept = self._kept.get((name, year))
        if kept is not None and self.clock() - kept.window.as_of < OLD:
            return kept
        return await self.newest(name, year)

    async def newest(self, name: str, year: int) -> Board:
        """The board with all that has been counted by now. Raises `NoBoard`."""
        self.require(name, year)
        # Many may look while it changes; it is counted for the first, and the others wait for that.
        async with self._one_at_a_time:
            if await self._is_new(self._kept.get((name, year))):
                return self._kept[name, year]
            board = await self._count(name, year)
            self._kept[name, year] = board
            return board

    async def _is_new(self, kept: Board | None) -> bool:
        if kept is None or self.clock() - kept.window.as_of >= STALE:
            return False
        async with self.engine.connect() as connection:
            return tuple(await figures.followed(connection)) == kept.followed

    async def _count(self, name: str, year: int) -> Board:
        window = Window(start=date(year, 1, 1), end=date(year + 1, 1, 1), as_of=self.clock())
        async with self.engine.connect() as plain:
            connection = await plain.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            followed = await figures.followed(connection)
            counts = {
                count: await boards.counted(connection, asked, window)
                for count, asked in BOARDS[name].items()
            }
            silent = (
                await silence.silent_organisations(connection, window)
                if name == WATCHES_SILENCE
                else []
            )
        return Board(
            name=name,
            window=window,
            step=1,
            followed=tuple(followed),
            counts=counts,
            silent=tuple(silent),
        )
