"""Turns what the NATS client reports by itself into states the kit waits for and lines to read."""

import asyncio
import logging

# What the server says to a key it will not serve; a time-out of the same kind is just an outage.
REFUSALS = ("authorization violation", "authentication revoked", "authentication expired")

LOG = logging.getLogger("siraba.partner")


class Watch:
    """The callbacks of one NATS client; `where` is the address as it may be shown."""

    def __init__(self, where: str):
        self.where = where
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        # No more tries: the platform refuses the key, or the client has given up.
        self.over = asyncio.Event()
        self._told = False

    async def connected(self) -> None:
        """The connection stands (again)."""
        if self._told:
            LOG.warning("connected to %s", self.where)
        self._told = False
        self.down.clear()
        self.up.set()

    async def disconnected(self) -> None:
        """The connection is gone; the client tries again by itself."""
        self.up.clear()
        self.down.set()

    async def lost(self) -> None:
        """The client has given the connection up for good."""
        self.up.clear()
        self.down.set()
        self.over.set()

    async def error(self, error: Exception) -> None:
        """Told once per outage, without the 25 lines of traceback that are the default."""
        if any(refusal in str(error).lower() for refusal in REFUSALS):
            self.over.set()
            return
        if not self._told and not self.up.is_set():
            self._told = True
            LOG.warning("cannot reach %s (%s); trying again", self.where, type(error).__name__)
