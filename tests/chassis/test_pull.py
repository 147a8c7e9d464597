"""One question to a durable and what comes of it, at a real server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import uuid4

import nats.errors
import pytest
from nats.js.errors import ServiceUnavailableError

from chassis.deliveries import BATCH_BYTES, pull
from contracts.topology import INGRESS_BYTES, READINGS
from deploy.jetstream import asked
from tests.chassis.streams import NAME, STREAM, publish
from tests.parts import Site, writing_as

pytestmark = pytest.mark.share("fire")


@asynccontextmanager
async def asking(site: Site) -> AsyncIterator[Any]:
    """referral's durable, as its consumer asks it."""
    async with site.server.user("referral") as client:
        yield await client.jetstream().pull_subscribe_bind(NAME, stream=STREAM)


async def store(site: Site, count: int) -> None:
    case = str(uuid4())
    async with writing_as(site.server, "intake") as jetstream:
        for number in range(1, count + 1):
            await publish(jetstream, case, number)


async def test_what_lies_there_comes_at_once_in_batches_and_each_message_once(site: Site) -> None:
    await store(site, 25)
    async with asking(site) as durable:
        began = monotonic()
        batches = [await pull(durable, batch=10, seconds=5) for _ in range(3)]
        assert monotonic() - began < 2
        assert [len(batch) for batch in batches] == [10, 10, 5]
        assert len({m.metadata.sequence.stream for batch in batches for m in batch}) == 25


async def test_large_messages_come_in_more_batches_and_each_once(site: Site) -> None:
    size, case = 900_000, str(uuid4())
    count = BATCH_BYTES // size + 3
    async with writing_as(site.server, "intake") as jetstream:
        for number in range(count):
            await publish(jetstream, case, number + 1, body=bytes(size))
    async with asking(site) as durable:
        batches = [await pull(durable, batch=1000, seconds=5) for _ in range(2)]
    assert all(sum(len(m.data) for m in batch) <= BATCH_BYTES for batch in batches)
    sequences = [m.metadata.sequence.stream for batch in batches for m in batch]
    assert len(batches[1]) >= 3
    assert len(sequences) == len(set(sequences)) == count


def test_all_that_a_service_asks_for_at_once_fits_what_the_server_keeps_for_it() -> None:
    kept = 64 * 1024 * 1024  # nats-server's max_pending, which our configuration leaves alone
    most = max(Counter(reading.service for reading in READINGS).values())
    assert (most + 1) * BATCH_BYTES <= kept  # the auditor's direct get comes by the same
    assert INGRESS_BYTES <= BATCH_BYTES


async def test_a_question_waits_for_the_first_message_and_no_longer(site: Site) -> None:
    async with asking(site) as durable:
        waiting = asyncio.create_task(pull(durable, batch=10, seconds=5))
        await asyncio.sleep(0.3)
        began = monotonic()
        await store(site, 1)
        assert len(await waiting) == 1
        assert monotonic() - began < 1


async def test_silence_ends_in_time_and_leaves_nothing_for_the_next_question(site: Site) -> None:
    async with asking(site) as durable:
        for _ in range(2):
            began = monotonic()
            with pytest.raises(nats.errors.TimeoutError):
                await pull(durable, batch=10, seconds=0.5)
            assert 0.3 < monotonic() - began < 2
        await store(site, 3)
        assert len(await pull(durable, batch=10, seconds=5)) == 3


async def test_what_comes_too_late_for_a_question_is_the_next_ones(site: Site) -> None:
    async with asking(site) as durable:
        waiting = asyncio.create_task(pull(durable, batch=10, seconds=5))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await store(site, 1)
        await asyncio.sleep(0.3)
        assert len(await pull(durable, batch=10, seconds=5)) == 1


async def test_a_durable_that_is_gone_is_no_silence(site: Site) -> None:
    async with asking(site) as durable, site.server.user("provisioner") as client:
        await asked(client, f"CONSUMER.DELETE.{STREAM}.{NAME}")
        with pytest.raises(ServiceUnavailableError):
            await pull(durable, batch=10, seconds=5)
