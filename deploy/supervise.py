"""Keeps children running: notices an end at once, starts again with growing pauses, stops all."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from deploy.embedded.processes import Child, ServerError

_LONGEST_PAUSE = 5.0
#: A child that ran this long was healthy: its next end starts the pauses from the bottom.
_HEALTHY_SECONDS = 20.0


class Server(Protocol):
    """What can be supervised. `spawn` runs in the event loop's thread, the others in a pool."""

    child: Child | None

    def prepare(self) -> None:
        """Clear away what an earlier run left."""

    def spawn(self) -> None:
        """Start the process."""

    def wait_ready(self) -> None:
        """Block until it answers."""

    def stop(self) -> None:
        """End the process and wait for it."""


class Supervisor:
    """Servers by name, in the order in which they were added; stopped in reverse."""

    def __init__(
        self,
        report: Callable[[str], None],
        *,
        changed: Callable[[], None] = lambda: None,
        first_pause: float = 0.1,
    ) -> None:
        self.servers: dict[str, Server] = {}
        self.restarts: dict[str, int] = {}
        self._report = report
        self._changed = changed
        self._first_pause = first_pause
        self._watches: dict[str, asyncio.Task[None]] = {}

    async def add(self, name: str, server: Server) -> None:
        """Start a server, wait until it is ready, and keep it running from then on."""
        await asyncio.to_thread(server.prepare)
        self.servers[name] = server
        self.restarts[name] = 0
        # The kernel ties the child to this thread, which lives as long as the platform does.
        server.spawn()
        await asyncio.to_thread(server.wait_ready)
        self._watches[name] = asyncio.create_task(self._keep(name, server))

    def pids(self) -> dict[str, int]:
        """Process id of each server that runs now."""
        return {name: s.child.pid for name, s in self.servers.items() if s.child is not None}

    async def stop(self) -> None:
        """Stop all, last first; returns when no process is left."""
        for watch in self._watches.values():
            watch.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)
        self._watches.clear()
        for name in reversed(list(self.servers)):
            await asyncio.to_thread(self.servers[name].stop)

    async def _keep(self, name: str, server: Server) -> None:
        pause = self._first_pause
        while True:
            child = server.child
            while child is not None and child.running:
                await asyncio.sleep(0.05)
            if child is not None and time.monotonic() - child.started > _HEALTHY_SECONDS:
                pause = self._first_pause
            self._report(f"{name} ended; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            await self._again(name, server)

    async def _again(self, name: str, server: Server) -> None:
        try:
            await asyncio.to_thread(server.prepare)
            server.spawn()
            self.restarts[name] += 1
            self._changed()
            await asyncio.to_thread(server.wait_ready)
        except (ServerError, OSError) as error:
            self._report(str(error))
            # One that runs without ever answering would otherwise stay for ever.
            await asyncio.to_thread(server.stop)
