"""Kills parts of a running platform at random moments, the same ones for the same seed."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from deploy.platform import Platform

BURST = 10


async def no_breath() -> None:
    """Kill on without waiting for anything."""


@dataclass(slots=True)
class Killer:
    """SIGKILLs one of `victims` after each pause of `pause` seconds (shortest, longest).

    After each BURST kills it waits for `breath`: under kills without end the platform would mostly
    be down, and what is down can neither lose nor double anything.
    """

    platform: Platform
    victims: Sequence[str]
    seed: int
    pause: tuple[float, float] = (1.0, 3.0)
    breath: Callable[[], Awaitable[None]] = no_breath
    killed: Counter[str] = field(default_factory=Counter)

    async def run(self, kills: int) -> None:
        """`kills` processes that really ran, also while they are still starting."""
        random = Random(self.seed)
        for nth in range(kills):
            if nth and nth % BURST == 0:
                await self.breath()
            await asyncio.sleep(random.uniform(*self.pause))
            while not self._kill(random.choice(self.victims)):
                await asyncio.sleep(0.05)

    def _kill(self, name: str) -> bool:
        server = self.platform.supervisor.servers[name]
        if server.child is None or not server.child.running:
            return False
        with suppress(ProcessLookupError):
            self.platform.kill(name)
            self.killed[name] += 1
            return True
        return False
