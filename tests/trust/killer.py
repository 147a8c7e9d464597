"""Kills parts of a running platform at random moments, the same ones for the same seed."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from deploy.platform import Platform


@dataclass(slots=True)
class Killer:
    """SIGKILLs one of `victims` after each pause of `pause` seconds (shortest, longest)."""

    platform: Platform
    victims: Sequence[str]
    seed: int
    pause: tuple[float, float] = (1.0, 3.0)
    killed: Counter[str] = field(default_factory=Counter)

    async def run(self, kills: int) -> None:
        """`kills` processes that really ran, also while they are still starting."""
        random = Random(self.seed)
        for _ in range(kills):
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
