"""What the law finds and what it does not cry over, shown beside its unsafe cousins."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox import Consumer, Received
from contracts.reading import read_event
from tests.chassis.outgoing import inside, queue
from tests.chassis.streams import NAME, STREAM, deliver, publish, settled
from tests.chassis.test_conservation import counts, keeper_of, look, named, notice
from tests.parts import Site, writing_as

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]


class Hasty(Consumer):
    """A consumer that acknowledges first, as many do, and then fails."""

    async def take(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            await message.ack()
        await super().take(messages)


async def fail(_: AsyncConnection, __: Sequence[Received]) -> None:
    raise KeyError


async def test_what_a_consumer_loses_that_acknowledges_first_is_named(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = Hasty(
            name=NAME,
            stream=STREAM,
            parts=parts,
            trust=parts.trust,
            check=read_event,
            handle=fail,
            ordered=True,
        )
        for _ in range(3):
            await publish(jetstream, str(uuid4()), 1)
        await deliver(parts, consumer, 3)
        await settled(parts)
        found = (await look(keeper_of(parts, consumer), 2))[NAME]

    assert counts(found) == {"accepted": 3, "missing": 3}
    assert [len(ids) for *_, ids in named(caplog)] == [3]


async def test_who_compares_two_counts_cries_while_all_is_well_and_the_law_does_not(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    false_alarms = 0
    async with site.parts("referral") as parts:
        relay = asyncio.create_task(parts.relay.run())
        keeper = keeper_of(parts)
        for nth in range(200):
            if false_alarms and nth >= 10:
                break
            await queue(parts, [inside(uuid4()) for _ in range(25)])
            await notice(parts)
            await keeper.once()
            false_alarms += await the_counts_differ(site)
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)

    assert false_alarms > 0
    assert named(caplog) == []


async def the_counts_differ(site: Site) -> bool:
    """Two keepers asked one after the other, at no common moment."""
    ((sent,),) = await site.rows("select count(*) from referral.outbox where sent_at is not null")
    async with site.server.user("ops") as client:
        info = await client.jetstream().stream_info("REFERRAL")
    return bool(sent != info.state.messages)
