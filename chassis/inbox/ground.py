"""What a consumer stands on: its service's parts, and whom it may believe."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.broker import Wire
from chassis.inbox.received import Raw
from chassis.telemetry import Tracing
from chassis.telemetry.metrics import Metrics


class Trust(Protocol):
    """What a consumer asks before it reads."""

    async def refresh(self, batch: Sequence[Raw] = ()) -> None:
        """Learn of new keys, those above all that this batch names; called before it is read."""

    def check(self, raw: Raw) -> None:
        """Raises `Rejected` for a message that nobody who may has signed."""


class Ground(Protocol):
    """What of a service's parts a consumer stands on."""

    @property
    def work(self) -> AsyncEngine:
        """The engine of the service's working role."""

    @property
    def wire(self) -> Wire:
        """The connection to NATS."""

    @property
    def tracing(self) -> Tracing:
        """The service's tracer."""

    @property
    def metrics(self) -> Metrics:
        """The service's numbers."""

    async def wake_relay(self) -> None:
        """Say that the outbox has something new."""
