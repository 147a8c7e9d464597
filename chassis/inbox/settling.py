"""Answering JetStream for each message of a batch: still at work, done, or again later."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from nats.aio.msg import Msg

from chassis.broker import ACK_WAIT_SECONDS
from chassis.ending import end

BEAT_SECONDS = ACK_WAIT_SECONDS / 3
LONGEST_PAUSE = 60.0


class Settling(Protocol):
    """What a message's end is told to: JetStream for a delivery, our table for one put aside."""

    @property
    def is_acked(self) -> bool:
        """Whether it has ended."""

    async def ack(self) -> None:
        """Done."""

    async def nak(self, delay: float | None = None) -> None:
        """Later again."""

    async def term(self) -> None:
        """Dead."""


@dataclass(slots=True)
class Waiting:
    """A message that was put aside; what does not end stays in the table."""

    is_acked: bool = False

    async def ack(self) -> None:
        """It has ended."""
        self.is_acked = True

    async def nak(self, delay: float | None = None) -> None:
        """It comes up again in the next round."""

    async def term(self) -> None:
        """It has ended."""
        self.is_acked = True


@asynccontextmanager
async def heartbeat(messages: Sequence[Msg], *, seconds: float) -> AsyncIterator[None]:
    """Tell NATS that work goes on, or a slow batch would be delivered twice at the same time."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(seconds)
            await each([m for m in messages if not m.is_acked], lambda m: m.in_progress())

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        await end(task)


Ending = TypeVar("Ending", bound=Settling)


async def each(messages: Sequence[Ending], settle: Callable[[Ending], object]) -> None:
    """Settle those that are not settled yet."""
    for message in messages:
        if not message.is_acked:
            # A lost ack only means that the message comes again, and is a repeat then.
            with suppress(Exception):
                await settle(message)  # type: ignore[misc]  # nats-py's settling methods are coroutines


def growing_pause(message: Msg) -> float:
    """Seconds until a failed message comes again: 1, 2, 4, … up to a minute."""
    return float(min(LONGEST_PAUSE, 2 ** min(message.metadata.num_delivered or 1, 7) / 2))
