"""Turns what the NATS client reports by itself into states the kit waits for and lines to read."""

import asyncio
import logging

from partners.kit.errors import KitError, NotAdmitted, Unreachable

# What the server says to a key it will not serve; a time-out of the same kind is just an outage.
REFUSALS = ("authorization violation", "authentication revoked", "authentication expired")

LOG = logging.getLogger("siraba.partner")


class Watch:
    """The callbacks of one NATS client; `where` is the address as it may be shown."""

    def __init__(self, where: str):
        self.where = where
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        # No more tries make sense; `verdict` says why.
        self.over = asyncio.Event()
        self.verdict: KitError | None = None
        self.times_up = 0
        self._last = "no answer"
        self._told = False
        self._knew_us = False

    async def connected(self) -> None:
        """The connection stands (again)."""
        if self._told:
            LOG.warning("connected to %s", self.where)
        self._told = False
        self._knew_us = True
        self.times_up += 1
        self.down.clear()
        self.up.set()

    async def disconnected(self) -> None:
        """The connection is gone; the client tries again by itself."""
        self.up.clear()
        self.down.set()

    async def lost(self) -> None:
        """The client has given the connection up for good."""
        await self.disconnected()
        self._end(NotAdmitted(self._cut_off()))

    async def error(self, error: Exception) -> None:
        """Told once per outage, without the 25 lines of traceback that are the default."""
        if any(refusal in str(error).lower() for refusal in REFUSALS):
            self._end(NotAdmitted(self._cut_off() if self._knew_us else self._unknown()))
        elif isinstance(error, NoEncryption):
            self._end(Unreachable(f"{self.where} offers no encryption (TLS): nothing was sent"))
        elif not self.up.is_set():
            self._last = type(error).__name__
            if not self._told:
                self._told = True
                LOG.warning("cannot reach %s (%s); trying again", self.where, self._last)

    def out_of_time(self) -> Unreachable:
        """What to say when waiting any longer was not wanted."""
        return Unreachable(f"no connection to {self.where} ({self._last})")

    def _end(self, verdict: KitError) -> None:
        self.verdict = self.verdict or verdict
        self.over.set()

    def _unknown(self) -> str:
        return (
            f"{self.where} does not know this key: hand public.json to the platform's directory"
            " officer and wait for the confirmation, or hand over your report of conformance"
        )

    def _cut_off(self) -> str:
        return (
            f"{self.where} has closed the connection to this key: it may have been replaced or"
            " suspended; ask the platform's directory officer"
        )


class NoEncryption(ConnectionError):
    """The server would talk in clear where that is not allowed."""
