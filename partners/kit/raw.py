"""A message of the feed as it came, and what a line to the platform must be able to do."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Not read yet. `sequence` is its place in the platform's stream, `tries` how often it came.

    `token` is what its line acknowledges it by.
    """

    subject: str
    headers: Mapping[str, str]
    body: bytes
    sequence: int
    recorded_at: datetime
    tries: int
    token: Any


class Watched(Protocol):
    """Whether the platform can be reached now."""

    @property
    def up(self) -> asyncio.Event:
        """Set while it can."""


class Line(Protocol):
    """One organisation's way to the platform, by NATS or by HTTP.

    Raises `NotAdmitted` where the platform does not know or has cut off its key, `Unreachable`
    where something is not sure.
    """

    @property
    def watch(self) -> Watched:
        """The state of the connection."""

    @property
    def in_order(self) -> bool:
        """Whether no message comes before an earlier one that is not finished."""

    @property
    def door(self) -> str:
        """Which way this is; what each says of the feed is its own."""

    async def pull(self, wait: float) -> Sequence[Raw]:
        """The next messages, or none after `wait` seconds."""

    async def check_feed(self, *, patience: float) -> None:
        """Make sure within `patience` seconds that there is a feed for this key and code."""

    async def birth(self) -> str | None:
        """Names the feed's making: another one once the platform's broker has lost what it held.

        None while that cannot be told.
        """

    async def publish(self, subject: str, body: bytes, *, headers: Mapping[str, str]) -> None:
        """Send, and return once the platform has it on disk."""

    async def acknowledge(self, message: Raw) -> None:
        """Tell the platform that this message need not come again."""

    async def postpone(self, message: Raw, *, seconds: float) -> None:
        """Have this message again after so long."""

    async def rewind(self, since: datetime) -> None:
        """Read on from this moment, where this side keeps the place."""

    async def close(self) -> None:
        """Send what is still to be sent and leave."""
