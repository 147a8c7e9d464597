from collections.abc import Sequence
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox import Raw, Received
from tests.chassis.streams import a_consumer, deliver, publish, settled
from tests.parts import Site, effects, make_effects, take_effect, writing_as

POISON = "poison"


async def open_poison(connection: AsyncConnection, batch: Sequence[Received]) -> None:
    """A handler with a fault that only one message shows."""
    await take_effect(connection, batch)
    if any(getattr(one.message, "owner", None) == POISON for one in batch):
        raise ValueError("the handler's own fault")


async def dead(site: Site) -> list[tuple[str, str | None, int, str]]:
    query = "select reason, field, tries, state from referral.dead_letters order by id"
    return await site.rows(query)


async def test_a_repeated_delivery_has_one_effect(site: Site) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts)
        await publish(jetstream, case_id, 1)
        await publish(jetstream, case_id, 1)  # what NATS let through twice: another id, same number
        messages = await deliver(parts, consumer, 2)

        await consumer.take(messages)  # what NATS delivers again since an ack was lost

        assert await effects(site) == [(case_id, 1)]
        await settled(parts)
        assert await dead(site) == []


async def test_an_early_message_is_parked_at_no_cost_and_released_in_order(site: Site) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts)
        for number in (3, 2):
            await publish(jetstream, case_id, number)
        await deliver(parts, consumer, 2)
        await settled(parts)

        assert await effects(site) == []
        assert await site.rows("select tries from referral.attempts") == []
        assert await site.rows("select count(*) from referral.parked") == [(2,)]

        await publish(jetstream, case_id, 1)
        await deliver(parts, consumer, 1)

        assert await effects(site) == [(case_id, 1), (case_id, 2), (case_id, 3)]
        assert await site.rows("select count(*) from referral.parked") == [(0,)]


async def test_bad_messages_among_fifty_good_ones_are_buried_and_the_good_ones_done_at_once(
    site: Site,
) -> None:
    await make_effects(site)
    cases = [str(uuid4()) for _ in range(50)]
    undecodable, misordered = str(uuid4()), str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts)
        for nth, case_id in enumerate(cases):
            if nth == 20:
                await publish(jetstream, undecodable, 1, body=b"\xff\x00")
                await publish(jetstream, misordered, 7)
            await publish(jetstream, case_id, 1)

        await deliver(parts, consumer, 52)

        assert await effects(site) == [(case_id, 1) for case_id in cases]
        await settled(parts)
        assert await dead(site) == [("not_utf8", "body", 1, "open")]
        assert await site.rows("select subject from referral.parked") == [(misordered,)]


async def test_one_message_that_makes_the_handler_fail_does_not_hold_back_the_others(
    site: Site,
) -> None:
    await make_effects(site)
    cases = [str(uuid4()) for _ in range(10)]
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts, open_poison)
        for nth, case_id in enumerate(cases):
            await publish(jetstream, case_id, 1, owner=POISON if nth == 4 else "POLICE_A")

        await deliver(parts, consumer, 10)

        assert await effects(site) == [(c, 1) for c in cases if c != cases[4]]
        assert await site.rows("select tries from referral.attempts") == [(1,)]
        await settled(parts, but=1)


async def test_after_five_tries_a_message_is_dead_and_its_case_waits_behind_it(site: Site) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts, open_poison)
        await publish(jetstream, case_id, 1, owner=POISON)
        await publish(jetstream, case_id, 2)
        messages = await deliver(parts, consumer, 2)
        received = consumer.read(Raw.delivered(messages[0]))
        answers = [await consumer.try_once(received) for _ in range(4)]

        assert answers == [None, None, None, True]
        assert await dead(site) == [("failed:ValueError", None, 5, "open")]
        assert await effects(site) == []
        assert await site.rows("select case_sequence from referral.parked") == [(2,)]


async def test_the_dead_letter_names_the_place_and_the_class_of_the_fault_only(site: Site) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts, open_poison)
        sequence = await publish(jetstream, str(uuid4()), 1, owner=POISON)
        messages = await deliver(parts, consumer, 1)
        received = consumer.read(Raw.delivered(messages[0]))
        for _ in range(4):
            await consumer.try_once(received)

        (row,) = await site.rows("select row_to_json(d)::text from referral.dead_letters d")
        assert POISON not in row[0]
        assert "own fault" not in row[0]
        assert f'"stream_sequence":{sequence}' in row[0]


async def test_an_outage_of_the_database_costs_no_try_and_the_batch_comes_again(site: Site) -> None:
    await make_effects(site)
    down = True

    async def handle(connection: AsyncConnection, batch: Sequence[Received]) -> None:
        if down:
            raise OperationalError("select", {}, OSError("gone"))
        await take_effect(connection, batch)

    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts, handle)
        case_id = str(uuid4())
        await publish(jetstream, case_id, 1)
        await deliver(parts, consumer, 1)
        assert await site.rows("select count(*) from referral.attempts") == [(0,)]

        down = False
        await deliver(parts, consumer, 1)

        assert await effects(site) == [(case_id, 1)]
        assert await dead(site) == []


async def test_a_session_that_the_server_ends_in_the_middle_costs_no_try(site: Site) -> None:
    await make_effects(site)
    struck: list[bool] = []

    async def handle(connection: AsyncConnection, batch: Sequence[Received]) -> None:
        await take_effect(connection, batch)
        if not struck:
            struck.append(True)
            pid = await connection.scalar(text("select pg_backend_pid()"))
            await site.run("select pg_terminate_backend(:pid)", pid=pid)
            await connection.execute(text("select 1"))

    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts, handle)
        case_id = str(uuid4())
        await publish(jetstream, case_id, 1)
        await deliver(parts, consumer, 1)
        await deliver(parts, consumer, 1)

        assert await effects(site) == [(case_id, 1)]
        assert await site.rows("select count(*) from referral.attempts") == [(0,)]


async def test_a_parked_message_with_a_fault_of_its_own_does_not_kill_its_predecessor(
    site: Site,
) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts, open_poison)
        await publish(jetstream, case_id, 2, owner=POISON)
        await deliver(parts, consumer, 1)
        await publish(jetstream, case_id, 1)

        await deliver(parts, consumer, 1)

        assert await effects(site) == [(case_id, 1)]
        await settled(parts)


@pytest.mark.parametrize("number", [10**18 - 1, 2**31])
async def test_a_number_far_ahead_is_parked_like_any_other(site: Site, number: int) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts)
        await publish(jetstream, case_id, number)
        await publish(jetstream, case_id, 1)

        await deliver(parts, consumer, 2)

        assert await effects(site) == [(case_id, 1)]
        await settled(parts)
