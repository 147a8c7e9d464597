"""The poison of the campaign, given to a consumer as FastStream's own examples write it."""

from collections.abc import Callable
from random import Random

import pytest
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.security import NatsNKey

from chassis.broker import BATCH, calm
from contracts.intake import CaseRegistered
from contracts.topology import API_PREFIX, inbox_prefix
from tests.builders import a_case, event_headers, event_subject
from tests.chassis.streams import NAME, STREAM
from tests.ledger import Figure
from tests.parts import until
from tests.servers import NatsServer
from tests.trust.poison import UNSTORED, Known, some_poison
from tests.trust.telling import say

pytestmark = pytest.mark.share("fire")
SEED = 20261211
CODES = ("POLICE_A", "SHELTER_B")
EACH = 20


async def _publish(server: NatsServer, *, poisoned: bool = True) -> tuple[set[str], int]:
    """Whose the good ones are, and how many bad ones lie between them."""
    random, nobody = Random(SEED), Known(lambda _: "", lambda _: "")
    poison = [
        (sort, letter)
        for sort, letter in some_poison(EACH, codes=CODES, random=random)
        if letter.stream == STREAM and sort.end != UNSTORED
    ]
    good = {str(nth) for nth in range(len(poison))}
    bad = [sort.spoil(letter, nobody) for sort, letter in poison] if poisoned else []
    async with server.user("intake") as client:
        jetstream = client.jetstream(timeout=5)
        for owner in sorted(good):
            event = a_case(owner=owner)
            headers = event_headers(event, case_id=owner, number=1)
            await jetstream.publish(event_subject(event, owner), event.encode(), headers=headers)
            if bad:
                one = bad[int(owner)]
                await jetstream.publish(one.subject, one.body, headers=dict(one.headers))
    return good, len(bad)


async def _handled(server: NatsServer, *, whole_batches: bool) -> list[str]:
    """Whose cases a typed handler saw, once nothing is left to deliver to it."""
    seen: list[str] = []
    broker = NatsBroker(
        server.url,
        security=NatsNKey(server.seed_file("referral")),
        inbox_prefix=inbox_prefix("referral"),
        js_options={"prefix": API_PREFIX},
        logger=None,
    )
    subscriber = broker.subscriber(
        ">",
        stream=JStream(STREAM, declare=False),
        durable=NAME,
        pull_sub=PullSub(batch_size=BATCH, batch=whole_batches),
        inbox_prefix=f"{inbox_prefix('referral')}.".encode(),
        no_reply=True,
    )

    async def one(event: CaseRegistered) -> None:
        seen.append(event.owner)

    async def several(events: list[CaseRegistered]) -> None:
        seen.extend(event.owner for event in events)

    subscriber(several if whole_batches else one)
    async with server.user("referral") as watching:
        await broker.start()
        calm(subscriber.subscription, rest=0.0)  # or it would never stop

        async def nothing_is_left() -> bool:
            info = await watching.jetstream().consumer_info(STREAM, NAME)
            return not (info.num_pending or info.num_ack_pending)

        await until(nothing_is_left, seconds=20)
        await broker.stop()
    return seen


async def test_a_typed_handler_takes_the_good_ones_and_the_bad_vanish_without_trace(
    nats_server: Callable[..., NatsServer],
) -> None:
    server = nats_server(*CODES)
    good, bad = await _publish(server)
    seen = await _handled(server, whole_batches=False)

    assert good < set(seen)
    vanished = bad - sum(owner in CODES for owner in seen)
    say(f"seed {SEED}; {vanished} of {bad} bad ones were never seen, and nothing says so")
    assert vanished > bad // 4


async def test_a_typed_handler_of_batches_loses_the_good_together_with_the_bad(
    nats_server: Callable[..., NatsServer], figure: Figure
) -> None:
    server = nats_server(*CODES)
    good, _ = await _publish(server)
    seen = await _handled(server, whole_batches=True)

    lost = len(good.difference(seen))
    say(f"seed {SEED}; {lost} of {len(good)} good ones lost")
    figure("fire.poison.control_lost", lost, seed=SEED)


async def test_the_same_handler_loses_nothing_as_long_as_nobody_sends_poison(
    nats_server: Callable[..., NatsServer],
) -> None:
    server = nats_server(*CODES)
    good, _ = await _publish(server, poisoned=False)

    assert set(await _handled(server, whole_batches=True)) == good
