"""One fault at each await of the relay and of the consumer, in turn; then all goes on as it must."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.msg import Msg

from chassis import outbox
from chassis.assembly import Parts
from chassis.outbox import Outgoing
from chassis.relay import Relay
from deploy.keys import PROVISIONER
from tests.builders import a_case
from tests.chassis.streams import a_consumer, publish, settled
from tests.ledger import Form
from tests.parts import Site, effects, make_effects, writing_as
from tests.trust.auditor import compare, in_order
from tests.trust.faults.steps import Crash, Steps, crash, outage, stepping
from tests.trust.streams import read_streams

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
Sent = dict[str, set[tuple[str, bytes, tuple[tuple[str, str], ...]]]]


@pytest.mark.parametrize("rows", [6, 55], ids=["window", "atomic_batch"])
@pytest.mark.timeout(600)
async def test_wherever_a_relay_dies_the_next_one_sends_the_same_bytes_and_skips_nothing(
    rows: int, site: Site, form: Form
) -> None:
    sent: Sent = defaultdict(set)
    written: list[str] = []
    async with site.parts("intake") as parts:
        at, struck = 1, True
        while struck:
            written += await _queue(parts, rows)
            steps = Steps(at, crash)
            with suppress(Crash):
                await _carry_all(parts, steps, sent)
            struck = steps.struck
            await _carry_all(parts, Steps(), sent)
            # The publishes of a batch are all alike: in short form a few stand for all.
            in_a_batch = rows > 10 and 16 < at < 16 + 2 * rows - 6
            at += form.pick(short=17 if in_a_batch else 1, long=1)
    seed = site.server.seed_file(PROVISIONER)
    stored = (await read_streams(site.server.url, seed, ["INTAKE"]))["INTAKE"]

    numbers = [(one.place, int(one.headers["ce-casesequence"])) for one in stored]
    found = compare("every event is there once", acked=written, found=[one.id for one in stored])
    assert at > 20, "too few awaits: the wrappers no longer see what the relay does"
    assert found.is_clean, found
    assert in_order("each case in order", numbers).is_clean
    assert {len(versions) for versions in sent.values()} == {1}, "a resend was not byte-identical"
    assert await site.rows("select count(*) from intake.outbox where sent_at is null") == [(0,)]


async def _queue(parts: Parts, rows: int) -> list[str]:
    """Some cases' events, interleaved."""
    cases = [uuid4() for _ in range(3)]
    events = [
        Outgoing(
            id=parts.mint.message_id(),
            stream="INTAKE",
            message=a_case(),
            subject=str(cases[nth % 3]),
            case_id=cases[nth % 3],
        )
        for nth in range(rows)
    ]
    async with parts.work.begin() as connection:
        await outbox.add(connection, events)
    return [str(event.id) for event in events]


async def _carry_all(parts: Parts, steps: Steps, sent: Sent) -> None:
    """A new relay on its own connection, until nothing is left or it dies."""
    relay = Relay(
        service="intake",
        engine=stepping(parts.work, steps),
        wire=stepping(parts.wire, steps),
        stamper=parts.relay.stamper,
        tracing=parts.tracing,
    )
    try:
        async with relay.engine.connect() as connection:
            while await relay.carry(connection):
                pass
    finally:
        for name, arguments, named in steps.calls:
            if name == "publish":
                headers = {k: v for k, v in named["headers"].items() if "Nats-Batch" not in k}
                identity = (arguments[0], arguments[1], tuple(headers.items()))
                sent[headers["ce-id"]].add(identity)


@dataclass(slots=True)
class Ground:
    """What the consumer stands on, with a step at each await."""

    parts: Parts
    steps: Steps

    @property
    def work(self) -> Any:
        return stepping(self.parts.work, self.steps)

    @property
    def wire(self) -> Any:
        return self.parts.wire

    @property
    def tracing(self) -> Any:
        return self.parts.tracing

    @property
    def metrics(self) -> Any:
        return self.parts.metrics

    async def wake_relay(self) -> None:
        await self.steps.pass_by("waking the relay")


@pytest.mark.parametrize("strike", [crash, outage])
@pytest.mark.timeout(600)
async def test_wherever_a_consumer_dies_or_is_cut_off_each_event_has_its_effect_once(
    strike: Callable[[], Awaitable[None]], site: Site, form: Form
) -> None:
    await make_effects(site)
    expected: list[tuple[str, int]] = []
    poisoned = 0
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        pull = await parts.wire.jetstream.pull_subscribe_bind("referral-INTAKE", stream="INTAKE")
        at, struck = 1, True
        while struck:
            first, second = str(uuid4()), str(uuid4())
            await publish(jetstream, second, 2)  # before its predecessor
            for number in (1, 2, 3):
                await publish(jetstream, first, number)
            await publish(jetstream, str(uuid4()), 1, body=b"{")
            await publish(jetstream, second, 1)
            expected += [(first, 1), (first, 2), (first, 3), (second, 1), (second, 2)]
            poisoned += 1
            messages = await _fetch(pull, 6)
            steps = Steps(at, strike)
            # Of an outage a sweep only says that it failed.
            with suppress(Crash, ConnectionError):
                consumer = a_consumer(parts)
                consumer.parts = Ground(parts, steps)
                await consumer.take([stepping(message, steps) for message in messages])
                await consumer.bury_gathered()
            struck = steps.struck
            for message in messages:
                if not message.is_acked:
                    await message.nak()  # stands for the AckWait that passes after a death
            await _drain(parts, pull)
            at += form.pick(short=2, long=1)
        await settled(parts)

    found = compare("each effect once", acked=expected, found=await effects(site))
    assert at > 20, "too few awaits: the wrappers no longer see what the consumer does"
    assert found.is_clean, found
    assert in_order("each case in order", await effects(site)).is_clean
    assert await site.rows("select count(*) from referral.dead_letters") == [(poisoned,)]
    assert await site.rows("select count(*) from referral.parked") == [(0,)]


async def _fetch(pull: Any, wanted: int) -> list[Msg]:
    found: list[Msg] = []
    while len(found) < wanted:
        found += await pull.fetch(wanted - len(found), timeout=5)
    return found


async def _drain(parts: Parts, pull: Any) -> None:
    """What comes again is taken by a healthy consumer, until nothing comes."""
    consumer = a_consumer(parts)
    while True:
        info = await parts.wire.jetstream.consumer_info("INTAKE", "referral-INTAKE")
        left = (info.num_pending or 0) + (info.num_ack_pending or 0)
        if not left:
            return
        with suppress(TimeoutError):
            await consumer.take(await pull.fetch(left, timeout=0.1))
            await consumer.bury_gathered()
