"""Draws up what the committee has asked to be published, and lays out each edition that is out."""

import asyncio
import logging
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import is_outage
from chassis.telemetry.logs import fault
from chassis.web import LANGUAGES
from contracts.identifiers import Mint
from services.reporting.domain.disclosure import Unpublishable
from services.reporting.domain.edition import read_edition
from services.reporting.editions import write_edition
from services.reporting.gateways.interval_solver import Bounding, NoBounds
from services.reporting.store import edition_files, publications
from services.reporting.store.publications import Asked
from services.reporting.use_cases.dividing import UnknownCode
from services.reporting.use_cases.drawing import Drawn, NothingCounted, Overtaken, draw_edition
from services.reporting.use_cases.recalling import recall_edition

#: Why an edition does not come out, by what drawing it raises.
REFUSALS: Final[Mapping[type[Exception], str]] = {
    NothingCounted: "nothing_counted",
    Unpublishable: "small_number",
    NoBounds: "no_bounds",
    UnknownCode: "unknown_code",
}
#: It failed so often that somebody has to look.
FAILED: Final = "failed"
MOST_TRIES: Final = 5
LOOK_SECONDS: Final = 2.0
#: After a failure, which an hour of trying without a pause would not mend.
REST_SECONDS: Final = 30.0
#: Of the engine that it opens: one holds the lead, one reads and one writes.
POOL: Final = 3

log = logging.getLogger("siraba.reporting")


class _Stopped(Exception):
    """The service ends: whatever was being drawn is drawn by the next."""


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Works in a thread with a loop of its own: an edition is up to a minute of arithmetic.

    engine: the service's own, to look whether there is work. open_engine: one for the thread, as the
    working role. sign: signs a manifest. What was begun when a process died is begun again: an
    edition is out with one commit, and its files in a language are there with one other.
    """

    engine: AsyncEngine
    open_engine: Callable[[], AsyncEngine]
    sign: Callable[[bytes], str]
    mint: Mint
    wake_relay: Callable[[], Awaitable[None]]
    languages: tuple[str, ...] = LANGUAGES
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There is something to draw."""
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled; what fails is tried again."""
        stop = threading.Event()
        try:
            while True:
                await self._rest(await self._once(stop))
        finally:
            stop.set()

    async def _once(self, stop: threading.Event) -> float:
        """All there is to do; how many seconds to look away then, at most."""
        self._asked.clear()
        try:
            if await self._has_work():
                await asyncio.to_thread(lambda: asyncio.run(self._work(stop)))
                await self.wake_relay()
        except Exception as error:  # noqa: BLE001 - the tables still say what is to be done
            if is_outage(error):
                return LOOK_SECONDS
            log.warning("publication.failed", extra=fault(error))
            return REST_SECONDS
        return LOOK_SECONDS

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return

    async def _has_work(self) -> bool:
        async with self.engine.connect() as connection:
            waiting = await publications.next_waiting(connection)
            return bool(waiting or await edition_files.lacking(connection, self.languages))

    async def _work(self, stop: threading.Event) -> None:
        engine = self.open_engine()
        try:
            async with engine.connect() as held:
                if await publications.lead(held):
                    await self._draw_all(engine, stop)
                    await self._lay_out_all(engine, stop)
        except _Stopped:
            return
        finally:
            await engine.dispose()

    async def _draw_all(self, engine: AsyncEngine, stop: threading.Event) -> None:
        while True:
            async with engine.begin() as connection:
                one = await publications.next_waiting(connection)
                if one is not None and one.tries < MOST_TRIES:
                    await publications.note_try(connection, one.id)
                elif one is not None:
                    await publications.refuse(connection, one.id, FAILED)
            if one is None:
                return
            if one.tries < MOST_TRIES:
                await self._draw(engine, one, stop)

    async def _draw(self, engine: AsyncEngine, one: Asked, stop: threading.Event) -> None:
        edition = read_edition(one.name)
        assert edition is not None  # noqa: S101 - only what is an edition is asked for
        try:
            await draw_edition(
                engine,
                edition,
                solve=Bounding(wide=edition.k),
                mint=self.mint,
                progress=partial(_go_on, stop),
            )
        except Overtaken:
            return  # still waits, and its turn comes again
        except tuple(REFUSALS) as refused:
            async with engine.begin() as connection:
                await publications.refuse(connection, one.id, REFUSALS[type(refused)])

    async def _lay_out_all(self, engine: AsyncEngine, stop: threading.Event) -> None:
        while True:
            _go_on(stop)
            async with engine.begin() as connection:
                of = await edition_files.lacking(connection, self.languages)
                if of is None:
                    return
                drawn = await recall_edition(connection, of.edition)
                assert drawn is not None  # noqa: S101 - only what is out lacks files
                files = _laid_out(drawn, of.language, sign=self.sign)
                await edition_files.add(connection, of, files)


def _laid_out(drawn: Drawn, language: str, *, sign: Callable[[bytes], str]) -> dict[str, bytes]:
    """The very files that the command line writes."""
    with tempfile.TemporaryDirectory(prefix="siraba-edition-") as folder:
        files = write_edition(drawn, Path(folder) / "edition", language=language, sign=sign)
        return {one.name: one.read_bytes() for one in files}


def _go_on(stop: threading.Event) -> None:
    """Told after each indicator and each system, so that nobody waits long for our end."""
    if stop.is_set():
        raise _Stopped
