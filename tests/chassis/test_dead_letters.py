from collections.abc import Sequence
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.inbox import Consumer, Handler, Received, dead_letters
from chassis.inbox.sweep import Sweep
from contracts.reading import read_event
from tests.chassis import streams
from tests.chassis.streams import deliver, originals, publish
from tests.parts import Site, effects, make_effects, take_effect, writing_as

pytestmark = pytest.mark.share("fire")

POISON = "poison"


class Fragile:
    """A handler that fails for the messages of one owner until it is repaired."""

    def __init__(self) -> None:
        self.is_repaired = False

    async def __call__(self, connection: AsyncConnection, batch: Sequence[Received]) -> None:
        await take_effect(connection, batch)
        if not self.is_repaired and any(
            getattr(one.message, "owner", None) == POISON for one in batch
        ):
            raise ValueError


def a_consumer(parts: Parts, handle: Handler = take_effect) -> Consumer:
    """One whose failed messages do not come again of themselves during a test."""
    return streams.a_consumer(parts, handle, pause=600)


async def letters(site: Site) -> list[tuple[int, str]]:
    return await site.rows("select id, state from referral.dead_letters order by id")


async def decide(site: Site, parts: Parts, *, retry: bool, nth: int = 0) -> bool:
    identity = (await letters(site))[nth][0]
    async with parts.work.begin() as connection:
        return await dead_letters.decide(connection, identity, retry=retry)


async def kill(parts: Parts, consumer: Consumer, sequence: int) -> None:
    """Let a message fail as often as it takes."""
    (raw,) = await originals(parts, sequence)
    while await consumer.try_once(consumer.read(raw)) is None:
        pass


@pytest.fixture
def case_id() -> str:
    return str(uuid4())


async def with_dead_first(site: Site, parts: Parts, consumer: Consumer, case_id: str) -> None:
    """A case whose first message is dead and whose next two wait."""
    async with writing_as(site.server, "intake") as jetstream:
        sequence = await publish(jetstream, case_id, 1, owner=POISON)
        for number in (2, 3):
            await publish(jetstream, case_id, number)
    await deliver(parts, consumer, 3)
    await kill(parts, consumer, sequence)


async def test_a_retry_after_the_repair_runs_the_case_on_in_order(site: Site, case_id: str) -> None:
    await make_effects(site)
    handle = Fragile()
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts, handle)
        await with_dead_first(site, parts, consumer, case_id)
        handle.is_repaired = True

        assert await decide(site, parts, retry=True)
        await Sweep(consumer).once()

        assert await effects(site) == [(case_id, 1), (case_id, 2), (case_id, 3)]
        assert [state for _, state in await letters(site)] == ["done"]
        assert await site.rows("select count(*) from referral.parked") == [(0,)]


async def test_a_retry_that_fails_again_waits_for_a_human_again(site: Site, case_id: str) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts, Fragile())
        await with_dead_first(site, parts, consumer, case_id)

        assert await decide(site, parts, retry=True)
        await Sweep(consumer).once()

        assert [state for _, state in await letters(site)] == ["open"]
        assert await effects(site) == []


async def test_a_discard_steps_over_the_message_and_runs_the_case_on(
    site: Site, case_id: str
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts, Fragile())
        await with_dead_first(site, parts, consumer, case_id)

        assert await decide(site, parts, retry=False)
        await Sweep(consumer).once()

        assert await effects(site) == [(case_id, 2), (case_id, 3)]
        assert [state for _, state in await letters(site)] == ["discarded"]
        assert not await decide(site, parts, retry=True)


async def test_a_discarded_message_that_could_not_be_read_lets_its_case_go_on(
    site: Site, case_id: str
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts)
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, case_id, 1, body=b"{")
            await publish(jetstream, case_id, 2)
        await deliver(parts, consumer, 2)
        assert await effects(site) == []

        await decide(site, parts, retry=False)
        await Sweep(consumer).once()

        assert await effects(site) == [(case_id, 2)]


async def test_a_discarded_message_that_intake_never_signed_takes_no_real_one_s_number(
    site: Site, case_id: str
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts)
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, case_id, 1)
            await publish(jetstream, case_id, 2, by="reporting")
        await deliver(parts, consumer, 2)

        await decide(site, parts, retry=False)
        await Sweep(consumer).once()
        assert await site.rows("select state, settled_at is null from referral.dead_letters") == [
            ("discarded", False)
        ]
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, case_id, 2)
        await deliver(parts, consumer, 1)

        assert await effects(site) == [(case_id, 1), (case_id, 2)]


async def test_two_dead_in_a_row_may_be_discarded_in_any_order(site: Site, case_id: str) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts)
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, case_id, 1, body=b"{")
            await publish(jetstream, case_id, 2, body=b"{")
            await publish(jetstream, case_id, 3)
        await deliver(parts, consumer, 3)

        for nth in (1, 0):
            await decide(site, parts, retry=False, nth=nth)
            await Sweep(consumer).once()
        await Sweep(consumer).once()

        assert await effects(site) == [(case_id, 3)]


async def test_a_parked_message_that_fails_dies_by_itself_and_can_be_discarded(
    site: Site, case_id: str
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts, Fragile())
        async with writing_as(site.server, "intake") as jetstream:
            bad = await publish(jetstream, case_id, 2, owner=POISON)
            for number in (3, 1):
                await publish(jetstream, case_id, number)
        await deliver(parts, consumer, 3)
        assert await effects(site) == [(case_id, 1)]

        await kill(parts, consumer, bad)
        assert [state for _, state in await letters(site)] == ["open"]
        await Sweep(consumer).once()
        assert await effects(site) == [(case_id, 1)]
        await decide(site, parts, retry=False)
        await Sweep(consumer).once()

        assert await effects(site) == [(case_id, 1), (case_id, 3)]
        await Sweep(consumer).once()
        assert await site.rows("select count(*) from referral.parked") == [(0,)]


async def test_the_sweep_runs_what_a_crash_left_parked_behind_a_done_message(
    site: Site, case_id: str
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts)
        async with writing_as(site.server, "intake") as jetstream:
            for number in (3, 2, 1):
                await publish(jetstream, case_id, number)
        await deliver(parts, consumer, 2)
        (raw,) = await originals(parts, 3)
        assert await consumer.try_once(consumer.read(raw)) is False
        assert await effects(site) == [(case_id, 1)]

        await Sweep(consumer).once()

        assert await effects(site) == [(case_id, 1), (case_id, 2), (case_id, 3)]


async def test_a_decision_that_cannot_be_carried_out_does_not_block_another(site: Site) -> None:
    await make_effects(site)
    stuck, free = str(uuid4()), str(uuid4())
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts, Fragile())
        for case_id in (stuck, free):
            await with_dead_first(site, parts, consumer, case_id)
            await site.run("update referral.attempts set tries = 0")
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, stuck, 4, owner=POISON)
        await deliver(parts, consumer, 1)

        for nth in (0, 1):
            await decide(site, parts, retry=False, nth=nth)
        await Sweep(consumer).once()
        await Sweep(consumer).once()

        assert sorted(await effects(site)) == sorted(
            (case_id, number) for case_id in (stuck, free) for number in (2, 3)
        )


async def test_a_message_of_an_unknown_consumer_is_not_touched(site: Site, case_id: str) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts, Fragile())
        await with_dead_first(site, parts, consumer, case_id)
        await decide(site, parts, retry=False)
        other = Consumer(
            name="referral-INBOX",
            stream="INBOX",
            parts=parts,
            trust=parts.trust,
            check=read_event,
            handle=take_effect,
            ordered=False,
        )

        await Sweep(other).once()

        assert await effects(site) == []
        assert [state for _, state in await letters(site)] == ["discarded"]
