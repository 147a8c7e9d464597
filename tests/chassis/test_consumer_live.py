"""Consumers as they run: subscribed through the broker, with its redeliveries."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from time import monotonic
from uuid import uuid4

import pytest
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.inbox import Consumer, Handler, Received
from contracts.topology import Reading
from deploy.drift import consumer_config
from deploy.jetstream import asked
from tests.chassis.streams import NAME, STREAM, a_consumer, publish, settled, unsettled
from tests.parts import Site, effects, make_effects, take_effect, until, writing_as

pytestmark = pytest.mark.share("fire")


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[Parts]:
    """What is subscribed runs until the block ends."""
    await parts.wire.start()
    try:
        yield parts
    finally:
        await parts.wire.stop()
        await parts.work.dispose()
        await parts.web.dispose()


@asynccontextmanager
async def consuming(site: Site, handle: Handler) -> AsyncIterator[Parts]:
    """referral's consumer of INTAKE with another handler."""
    parts = site.assembled("referral")
    a_consumer(parts, handle).subscribe()
    async with running(parts):
        yield parts


async def impatient(site: Site, seconds: int) -> None:
    """Let NATS wait only so long for an answer before it delivers again."""
    config = consumer_config(Reading("referral", STREAM).durable)
    config |= {"ack_wait": int(timedelta(seconds=seconds) / timedelta(microseconds=1)) * 1000}
    async with site.server.user("provisioner") as client:
        subject = f"CONSUMER.CREATE.{STREAM}.{NAME}"
        await asked(client, subject, {"stream_name": STREAM, "config": config})


async def test_a_quiet_message_is_handled_at_once(site: Site) -> None:
    await make_effects(site)
    async with consuming(site, take_effect), writing_as(site.server, "intake") as jetstream:
        await asyncio.sleep(0.3)
        started = monotonic()
        await publish(jetstream, str(uuid4()), 1)

        async def is_done() -> bool:
            return len(await effects(site)) == 1

        await until(is_done)
        assert monotonic() - started < 2


async def test_of_a_service_with_several_consumers_each_takes_at_once_what_lay_there(
    site: Site,
) -> None:
    await make_effects(site)
    async with writing_as(site.server, "intake") as jetstream:
        await publish(jetstream, str(uuid4()), 1)
    parts = site.assembled("referral")
    a_consumer(parts).subscribe()
    for _ in range(30):  # while these begin, the first could already ask twice
        parts.wire.consume(stream="INBOX", durable="referral-INBOX", take=nothing)
    started = monotonic()
    async with running(parts):
        await until(lambda: effects(site))
        assert monotonic() - started < 2


async def nothing(_: Sequence[Msg]) -> None:
    """Takes a batch and leaves it."""


async def slow_batch_of_two_processes(site: Site, *, beat: float) -> int:
    """How often one message is delivered whose work takes longer than NATS waits for an answer."""
    deliveries: list[int] = []

    async def slow(connection: AsyncConnection, batch: Sequence[Received]) -> None:
        await asyncio.sleep(2.5)
        await take_effect(connection, batch)

    async def counted(consumer: Consumer, messages: Sequence[Msg]) -> None:
        deliveries.append(len(messages))
        await consumer.take(messages)

    await make_effects(site)
    await impatient(site, 1)
    async with AsyncExitStack() as stack:
        pair = [site.assembled("referral") for _ in range(2)]
        for parts in pair:
            consumer = a_consumer(parts, slow)
            consumer.beat_seconds = beat
            parts.wire.consume(stream=STREAM, durable=NAME, take=partial(counted, consumer))
            await stack.enter_async_context(running(parts))
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, str(uuid4()), 1)

        async def is_done() -> bool:
            return bool(await effects(site))

        await until(is_done)
        await settled(pair[0])
    return sum(deliveries)


async def test_a_slow_batch_is_not_delivered_to_another_process_while_it_is_worked_on(
    site: Site,
) -> None:
    assert await slow_batch_of_two_processes(site, beat=0.3) == 1
    assert len(await effects(site)) == 1


async def test_a_message_that_always_fails_is_tried_five_times_and_ends_as_a_dead_letter(
    site: Site,
) -> None:
    tries: list[int] = []

    async def failing(connection: AsyncConnection, batch: Sequence[Received]) -> None:
        if any(getattr(one.message, "owner", None) == "BAD" for one in batch):
            tries.append(len(batch))
            raise KeyError("own fault")
        await take_effect(connection, batch)

    await make_effects(site)
    good = [str(uuid4()) for _ in range(5)]
    async with (
        consuming(site, failing) as parts,
        writing_as(site.server, "intake") as jetstream,
    ):
        await publish(jetstream, str(uuid4()), 1, owner="BAD")
        for case_id in good:
            await publish(jetstream, case_id, 1)
        await settled(parts)

    assert sorted(await effects(site)) == sorted((case_id, 1) for case_id in good)
    found = await site.rows("select reason, tries, state from referral.dead_letters")
    assert found == [("failed:KeyError", 5, "open")]


async def test_what_came_while_the_service_was_down_is_done_when_it_is_up_and_only_once(
    site: Site,
) -> None:
    await make_effects(site)
    cases = [str(uuid4()) for _ in range(120)]
    async with writing_as(site.server, "intake") as jetstream:
        for case_id in cases:
            await publish(jetstream, case_id, 1)
    for _ in range(2):
        async with consuming(site, take_effect) as parts:
            await settled(parts)
            assert await unsettled(parts) == 0

    assert sorted(await effects(site)) == sorted((case_id, 1) for case_id in cases)


async def test_the_database_may_go_away_for_a_while(site: Site) -> None:
    await make_effects(site)
    cases = [str(uuid4()) for _ in range(10)]
    async with (
        consuming(site, take_effect) as parts,
        writing_as(site.server, "intake") as jetstream,
    ):
        await site.run(f"alter database {site.database.name} connection limit 0")
        await site.run(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'referral_work'"
        )
        for case_id in cases:
            await publish(jetstream, case_id, 1)
        await asyncio.sleep(0.5)
        await site.run(f"alter database {site.database.name} connection limit -1")
        await settled(parts)

    assert sorted(await effects(site)) == sorted((case_id, 1) for case_id in cases)
    assert await site.rows("select count(*) from referral.attempts") == [(0,)]
