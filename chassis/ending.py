"""Ends a task for certain: one cancellation may go unheard."""

import asyncio
from typing import Any, Final

AGAIN_SECONDS: Final = 0.5


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel until it has ended; what it raises stays its own.

    Before Python 3.12 `asyncio.wait_for` loses a cancellation that comes with the answer that it
    waited for (cpython 37658), and nats-py waits so for every answer.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
