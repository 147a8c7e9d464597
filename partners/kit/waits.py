"""Waits that end with the connection, and that no library can rob of a cancellation.

On Python 3.11 `asyncio.wait_for`, and with it nats-py, swallows a cancellation that meets the answer:
whoever was told to stop would go on. So what may swallow one is awaited in a task of its own.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from partners.kit.watch import Watch

Answer = TypeVar("Answer")
#: How soon a task that has swallowed a cancellation is told again.
AGAIN_SECONDS = 1.0


async def first_of(attempt: asyncio.Task[None], watch: Watch, *, patience: float | None) -> None:
    """Until the attempt has succeeded. Raises the watch's verdict, `Unreachable` after `patience`."""
    over = asyncio.create_task(_until(watch.over))
    try:
        await asyncio.wait({attempt, over}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
    if watch.verdict is not None:
        raise watch.verdict
    if not attempt.done():
        raise watch.out_of_time()
    await attempt


async def while_up(call: Coroutine[Any, Any, Answer], watch: Watch) -> Answer | None:
    """The answer, or None once the connection is gone: then none would come."""
    asked = asyncio.create_task(call)
    down = asyncio.create_task(_until(watch.down))
    try:
        await asyncio.wait({asked, down}, return_when=asyncio.FIRST_COMPLETED)
        # A client that closes cancels what it waits for, which says nothing about this program.
        return asked.result() if asked.done() and not asked.cancelled() else None
    finally:
        asked.cancel()
        down.cancel()


async def any_of(*events: asyncio.Event, timeout: float) -> None:
    """Until one of them is set, or `timeout` seconds."""
    waits = [asyncio.create_task(_until(event)) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
