"""What the inbox is spared, shown by taking one protection away: each loss must happen."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

import pytest
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.nats.security import NatsNKey
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.broker import BATCH, calm
from chassis.inbox import Consumer, Received
from contracts.reading import read_event
from contracts.topology import API_PREFIX, inbox_prefix
from tests.chassis.streams import NAME, STREAM, a_consumer, deliver, publish, settled
from tests.chassis.test_consumer_live import slow_batch_of_two_processes
from tests.chassis.test_hostile_messages import SUBJECT, send_raw
from tests.chassis.test_requests import NAME as INBOX_NAME
from tests.chassis.test_requests import STREAM as INBOX
from tests.chassis.test_requests import send
from tests.parts import Site, effects, make_effects, take_effect, until, writing_as

pytestmark = pytest.mark.share("fire")


async def test_faststreams_own_ack_policy_throws_away_what_a_handler_fails_on(site: Site) -> None:
    calls: list[int] = []
    broker = NatsBroker(
        site.server.url,
        security=NatsNKey(site.server.seed_file("referral")),
        inbox_prefix=inbox_prefix("referral"),
        js_options={"prefix": API_PREFIX},
        logger=None,
    )

    subscriber = broker.subscriber(
        ">",
        stream=JStream(STREAM, declare=False),
        durable=NAME,
        pull_sub=PullSub(batch_size=BATCH),
        inbox_prefix=f"{inbox_prefix('referral')}.".encode(),
        no_reply=True,
    )

    @subscriber
    async def handle(message: NatsMessage) -> None:
        calls.append(len(message.body))
        raise ConnectionError("the database is away for a second")

    async with writing_as(site.server, "intake") as jetstream:
        await publish(jetstream, str(uuid4()), 1)
    async with site.server.user("referral") as watching:
        await broker.start()
        calm(subscriber.subscription, rest=0.0)  # or it would never stop

        async def is_thrown_away() -> bool:
            info = await watching.jetstream().consumer_info(STREAM, NAME)
            return bool(calls) and not (info.num_pending or info.num_ack_pending)

        await until(is_thrown_away)
        await asyncio.sleep(0.5)
        await broker.stop()

    assert len(calls) == 1  # never delivered again, and nowhere to be found


class Forgetful(Consumer):
    """A consumer that keeps no inbox."""

    async def act(self, arrivals: Sequence[Received], *, alone: bool = False) -> None:
        async with self.parts.work.begin() as connection:
            await self.handle(connection, arrivals)


async def test_without_the_inbox_a_repeated_delivery_has_two_effects_and_order_is_lost(
    site: Site,
) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = Forgetful(
            name=NAME,
            stream=STREAM,
            parts=parts,
            trust=parts.trust,
            check=read_event,
            handle=take_effect,
            ordered=True,
        )
        await publish(jetstream, case_id, 2)
        await publish(jetstream, case_id, 1)
        messages = await deliver(parts, consumer, 2)
        await consumer.take(messages)

    assert await effects(site) == [(case_id, 2), (case_id, 1), (case_id, 2), (case_id, 1)]


async def test_without_the_heartbeat_a_slow_batch_is_delivered_to_another_process_meanwhile(
    site: Site,
) -> None:
    deliveries = await slow_batch_of_two_processes(site, beat=60)

    assert deliveries >= 2
    assert len(await effects(site)) == 1  # the inbox still holds


class AllOrNothing(Consumer):
    """A consumer that treats a batch as one message."""

    async def try_once(self, received: Received) -> bool | None:
        return None


async def test_without_going_one_by_one_a_bad_message_holds_back_all_good_ones(site: Site) -> None:
    async def fragile(connection: AsyncConnection, batch: Sequence[Received]) -> None:
        await take_effect(connection, batch)
        if any(getattr(one.message, "owner", None) == "BAD" for one in batch):
            raise ValueError

    await make_effects(site)
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = AllOrNothing(
            name=NAME,
            stream=STREAM,
            parts=parts,
            trust=parts.trust,
            check=read_event,
            handle=fragile,
            ordered=True,
            pause=lambda _: 0.05,
        )
        await publish(jetstream, str(uuid4()), 1, owner="BAD")
        for _ in range(10):
            await publish(jetstream, str(uuid4()), 1)
        for _ in range(3):
            await deliver(parts, consumer, 11)
        await settled(parts, but=11)

    assert await effects(site) == []


async def test_an_unguarded_client_takes_a_partners_header_for_the_servers_word(site: Site) -> None:
    async with (
        site.server.partner("POLICE_A") as hostile,
        site.server.partner("SHELTER_B") as honest,
        site.server.user("referral") as client,
    ):
        await send(honest, "SHELTER_B")
        await send_raw(hostile, subject=SUBJECT, head=b"\r\nStatus: 409", body=b"")
        await send(honest, "SHELTER_B")
        jetstream = client.jetstream()

        async def all_stored() -> bool:
            info = await jetstream.consumer_info(INBOX, INBOX_NAME)
            return bool(info.num_pending == 3)

        await until(all_stored)
        subscription = await jetstream.pull_subscribe_bind(INBOX_NAME, stream=INBOX)
        got = 0
        for _ in range(3):
            with suppress(Exception):
                got += len(await subscription.fetch(10, timeout=0.5))
        info = await jetstream.consumer_info(INBOX, INBOX_NAME)

    assert got < 3
    assert info.num_ack_pending == 3  # delivered, and nobody ever saw some of them


async def test_the_plain_consumer_passes_where_the_controls_fail(site: Site) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts)
        await publish(jetstream, case_id, 2)
        await publish(jetstream, case_id, 1)
        messages = await deliver(parts, consumer, 2)
        await consumer.take(messages)

    assert await effects(site) == [(case_id, 1), (case_id, 2)]
