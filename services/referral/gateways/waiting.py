"""Long polls: each organisation has one that waits, and all together have a bound."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from services.referral.gateways.door import Door

ROOM: Final = 200

_One = TypeVar("_One")


@dataclass(slots=True)
class Waits:
    """Who waits for its feed now; a newer poll of the same organisation sends the older one home."""

    door: Door
    room: int = ROOM
    _waiting: dict[str, asyncio.Event] = field(default_factory=dict)

    async def until_found(
        self, code: str, read: Callable[[], Awaitable[list[_One]]], *, seconds: float
    ) -> list[_One]:
        """What `read` finds, at once or once the feeds have grown; nothing after `seconds`."""
        seen = self.door.end.sequence
        found = await read()
        if found or not seconds or len(self._waiting) >= self.room:
            return found
        if code in self._waiting:
            self._waiting.pop(code).set()
        sent_home = self._waiting[code] = asyncio.Event()
        home = asyncio.create_task(_until(sent_home))
        try:
            async with asyncio.timeout(seconds):
                while not found and not sent_home.is_set():
                    seen = await self._grown(beyond=seen, or_=home)
                    found = await read()
        except TimeoutError:
            return found
        finally:
            home.cancel()
            if self._waiting.get(code) is sent_home:
                del self._waiting[code]
        return found

    async def _grown(self, *, beyond: int, or_: asyncio.Task[None]) -> int:
        """How far the feeds reach once they have grown, or one is sent home."""
        grown = asyncio.create_task(self.door.wait(beyond=beyond))
        try:
            await asyncio.wait({grown, or_}, return_when=asyncio.FIRST_COMPLETED)
            if grown.done():
                grown.result()
            return self.door.end.sequence
        finally:
            grown.cancel()


async def _until(event: asyncio.Event) -> None:
    await event.wait()
