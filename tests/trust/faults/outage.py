"""A server that stays down: each time its supervisor starts it, it is killed again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from deploy.platform import Platform


@asynccontextmanager
async def outage(platform: Platform, name: str) -> AsyncIterator[None]:
    """`name` does not answer while the block runs; afterwards its supervisor brings it back."""

    async def keep_down() -> None:
        while True:
            child = platform.supervisor.servers[name].child
            if child is not None and child.running:
                with suppress(ProcessLookupError):
                    platform.kill(name)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(keep_down())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
