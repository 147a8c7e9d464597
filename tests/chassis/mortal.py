"""A database session and a NATS connection that end at a chosen await: the relay's crashes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.broker import Wire


class Died(Exception):
    """The process is gone here; nothing of ours may catch it."""


@dataclass(slots=True)
class Life:
    """Ends at the n-th await (1 is the first); `used` says how many there were."""

    ends_at: int
    used: int = 0

    def go_on(self) -> None:
        self.used += 1
        if self.used >= self.ends_at:
            raise Died


@dataclass(slots=True)
class MortalConnection:
    """A real session; each statement and each commit may be the last, done or not done."""

    real: AsyncConnection
    life: Life

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[None]:
        self.life.go_on()
        async with self.real.begin():
            yield
            self.life.go_on()
        self.life.go_on()

    async def get_raw_connection(self) -> Any:
        return await self.real.get_raw_connection()

    async def execute(self, *given: Any) -> Any:
        self.life.go_on()
        result = await self.real.execute(*given)
        self.life.go_on()
        return result


@dataclass(slots=True)
class MortalClient:
    """A real client; before a message is sent, or after, may be the end."""

    real: Any
    life: Life

    @property
    def is_connected(self) -> bool:
        return bool(self.real.is_connected)

    @property
    def max_payload(self) -> int:
        return int(self.real.max_payload)

    async def _send_command(self, command: bytes) -> None:
        self.life.go_on()
        await self.real._send_command(command)
        self.life.go_on()


@dataclass(slots=True)
class MortalJetStream:
    """A real JetStream; the PubAck may be the thing that never arrives."""

    real: JetStreamContext
    life: Life

    @property
    def _nc(self) -> MortalClient:
        return MortalClient(self.real._nc, self.life)

    async def publish(self, *given: Any, **named: Any) -> Any:
        self.life.go_on()
        acked = await self.real.publish(*given, **named)
        self.life.go_on()
        return acked


@dataclass(slots=True)
class MortalWire:
    """A real wire, of which the relay uses no more than this."""

    real: Wire
    life: Life

    @property
    def jetstream(self) -> MortalJetStream:
        return MortalJetStream(self.real.jetstream, self.life)
