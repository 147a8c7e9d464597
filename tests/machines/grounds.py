"""What referral's consumer stands on, without a server between the two sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.inbox import Consumer, Raw
from chassis.telemetry import Tracing
from chassis.telemetry.metrics import Metrics, start_metrics
from chassis.telemetry.spans import start_tracing
from contracts.identifiers import Mint
from contracts.reading import read_event
from services.referral.consumers import Handlers


@dataclass(slots=True)
class Standing:
    """One engine; nobody relays."""

    work: AsyncEngine
    mint: Mint
    tracing: Tracing
    metrics: Metrics
    wire: Any = None

    async def wake_relay(self) -> None:
        """Nobody does."""


class Everybody:
    """Whoever signed it: what is signed is not what these tests are about."""

    async def refresh(self, batch: Sequence[Raw] = ()) -> None:
        """There is nothing to learn."""

    def check(self, raw: Raw) -> None:
        """Let it through."""


async def never_back(code: str, *, after: int | None, since: datetime | None) -> bool:
    """Nobody asks for a replay."""
    raise AssertionError(code, after, since)


def a_consumer(engine: AsyncEngine, mint: Mint, *, ordered: bool = True) -> Consumer:
    """referral's consumer of INTAKE with its own handler. ordered: False takes that protection away."""
    tracing = start_tracing("referral", sampler=ALWAYS_OFF, processors=())
    parts: Any = Standing(engine, mint, tracing, start_metrics("referral"))
    return Consumer(
        name="referral-INTAKE",
        stream="INTAKE",
        parts=parts,
        trust=Everybody(),
        check=read_event,
        handle=Handlers(parts, b"k" * 32, never_back).on_cases,
        ordered=ordered,
    )
