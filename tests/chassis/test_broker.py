"""How long a consumer waits before it asks again."""

import asyncio
from time import monotonic
from types import SimpleNamespace
from typing import Any

import nats.errors
import pytest

from chassis.broker import BATCH, calm

pytestmark = pytest.mark.share("fire")
QUIET = (TimeoutError, nats.errors.TimeoutError)


async def seconds_of(times: int, error: type[Exception]) -> float:
    """What so many fetches that end like this take."""

    async def publish(*_: Any) -> None:
        raise error

    subscription = SimpleNamespace(
        _sub=SimpleNamespace(_pending_queue=asyncio.Queue()),
        _nc=SimpleNamespace(publish=publish),
        _nms="",
        _deliver="",
    )
    calm(subscription, rest=0.0)
    began = monotonic()
    for _ in range(times):
        with pytest.raises(nats.errors.TimeoutError):
            await subscription.fetch(BATCH)
    return monotonic() - began


@pytest.mark.parametrize("error", QUIET, ids=["asyncio's", "nats-py's"])
async def test_a_quiet_hour_makes_no_consumer_deaf(error: type[Exception]) -> None:
    assert await seconds_of(60, error) < 1


async def test_a_fault_is_not_asked_about_without_a_pause() -> None:
    assert await seconds_of(4, ConnectionResetError) > 0.7
