"""Runs a partner's program so that Ctrl-C and SIGTERM end it in order."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any


def run(program: Coroutine[Any, Any, None]) -> bool:
    """Run to the end; True when it ended by itself, False when it was told to stop.

    What the program was working on is not acknowledged then, and comes again next time.
    """

    async def guarded() -> bool:
        task = asyncio.ensure_future(program)
        loop = asyncio.get_running_loop()
        # Windows has no such handlers; there Ctrl-C arrives as KeyboardInterrupt.
        for stop in () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(stop, task.cancel)
        await asyncio.wait({task})
        if task.cancelled():
            return False
        task.result()
        return True

    try:
        return asyncio.run(guarded())
    except KeyboardInterrupt:
        return False
