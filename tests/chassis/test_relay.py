import asyncio
import random
from collections import defaultdict
from uuid import uuid4

import pytest
from sqlalchemy import text

from chassis import outbox
from chassis.relay import rows
from chassis.relay.rows import headers_of
from chassis.relay.send import ATOMIC_FROM
from contracts.topology import service_stream
from deploy.drift import stream_config
from deploy.jetstream import asked
from deploy.keys import PROVISIONER
from tests.chassis.outgoing import (
    POLICE,
    SHELTER,
    STREAM,
    drain,
    feed_of,
    ids,
    inside,
    numbers,
    queue,
    stored,
    told,
    unsent,
)
from tests.parts import Site, until

pytestmark = pytest.mark.share("fire")

SIZES = {"a window": 5, "an atomic batch": ATOMIC_FROM + 10, "several windows": 250}


async def test_a_message_exists_when_its_transaction_commits_or_never(site: Site) -> None:
    async with site.parts("referral") as parts, parts.work.connect() as connection:
        transaction = await connection.begin()
        await outbox.add(connection, [inside(uuid4())])
        assert await drain(parts) == 0
        await transaction.rollback()

        assert await drain(parts) == 0
        assert await site.rows("select count(*) from referral.outbox") == [(0,)]


async def test_an_empty_list_of_messages_is_no_statement_at_all(site: Site) -> None:
    async with site.parts("referral") as parts:
        await queue(parts, [])
        assert await drain(parts) == 0


@pytest.mark.parametrize("how", SIZES)
async def test_messages_go_out_in_order_and_each_case_is_numbered_without_gaps(
    site: Site, how: str
) -> None:
    cases = [uuid4() for _ in range(3)]
    messages = [inside(cases[nth % 3]) for nth in range(SIZES[how])]
    async with site.parts("referral") as parts:
        await queue(parts, messages[: SIZES[how] // 2])
        await drain(parts)
        await queue(parts, messages[SIZES[how] // 2 :])
        await drain(parts)

    found = await stored(site)
    assert ids(found) == ids(messages)
    by_case: dict[str, list[int]] = defaultdict(list)
    for one, number in zip(found, numbers(found, "ce-casesequence"), strict=True):
        by_case[(one.headers or {})["ce-subject"]].append(number)
    assert by_case.keys() == {str(case_id) for case_id in cases}
    assert all(ran == list(range(1, len(ran) + 1)) for ran in by_case.values())
    places = await site.rows("select id::text, stream_sequence from referral.outbox order by 2")
    assert places == [(identity, nth) for nth, identity in enumerate(ids(messages), start=1)]


@pytest.mark.parametrize("how", ["a window", "an atomic batch"])
async def test_each_organisations_feed_is_numbered_by_itself_and_shows_no_case(
    site: Site, how: str
) -> None:
    case_id = uuid4()
    messages = [told((SHELTER, POLICE)[nth % 2], case_id) for nth in range(2 * SIZES[how])]
    async with site.parts("referral") as parts:
        await queue(parts, [inside(case_id), *messages])
        await drain(parts)

    batches: list[str] = []
    for code in (SHELTER, POLICE):
        own = [one for one in messages if one.organisation == code]
        found = await feed_of(site, code, len(own))
        assert ids(found) == ids(own)
        assert numbers(found, "ce-feedsequence") == list(range(1, len(own) + 1))
        for one in found:
            assert str(case_id) not in str(one.headers).replace(
                "pseudonym%20of%20" + str(case_id), ""
            )
            assert "ce-casesequence" not in (one.headers or {})
            assert one.subject == f"out.{code}.referral.unplaced.v1"
        batches += {(one.headers or {}).get("Nats-Batch-Id", f"none to {code}") for one in found}
    assert len(set(batches)) == len(batches), "two feeds share the name of a batch"


@pytest.mark.parametrize("how", ["a window", "an atomic batch"])
async def test_a_resend_after_a_lost_mark_is_dropped_by_its_id_and_keeps_its_place(
    site: Site, how: str
) -> None:
    messages = [inside(uuid4()) for _ in range(SIZES[how])]
    async with site.parts("referral") as parts:
        await queue(parts, messages[:3])
        await drain(parts)
        before = await site.rows(
            "select id, headers, stream_sequence from referral.outbox order by position"
        )
        await queue(parts, messages[3:])
        # As after a crash between PubAck and mark: leased, stored by NATS, and we do not know.
        await site.run("update referral.outbox set sent_at = null, stream_sequence = null "
                       "where leased_at is not null")  # fmt: skip
        parts.relay._left_over = True
        await drain(parts)

        assert ids(await stored(site)) == ids(messages)
        after = await site.rows(
            "select id, headers, stream_sequence from referral.outbox order by position"
        )
        assert after[:3] == before
        assert await unsent(site) == 0


TOO_LARGE = """
    update referral.outbox set body = convert_to(repeat('x', 1100000), 'UTF8') where id = :id
"""
NO_SUBJECT = "update referral.outbox set name = 'nonsense' where id = :id"


@pytest.mark.parametrize("how", ["a window", "an atomic batch"])
async def test_rows_that_are_refused_for_good_hold_back_no_other(site: Site, how: str) -> None:
    messages = [inside(uuid4()) for _ in range(SIZES[how])]
    too_large, no_subject = messages[1], messages[3]
    async with site.parts("referral") as parts, parts.work.connect() as connection:
        await queue(parts, messages)
        await site.run(TOO_LARGE, id=too_large.id)
        await site.run(NO_SUBJECT, id=no_subject.id)
        await parts.relay.carry(connection)
        assert await unsent(site) == 2

        await queue(parts, [inside(uuid4())])
        await parts.relay.carry(connection)
        left = await site.rows(
            "select id from referral.outbox where sent_at is null order by position"
        )

    assert left == [(too_large.id,), (no_subject.id,)]
    assert len(await stored(site)) == len(messages) + 1 - 2


async def test_a_backlog_of_several_rounds_stays_in_order_when_the_stream_takes_messages_again(
    site: Site,
) -> None:
    messages = [inside(uuid4()) for _ in range(35)]
    async with site.parts("referral") as parts, parts.work.connect() as connection:
        parts.relay.room = 10
        await limit(site, max_msgs=1)
        for nth in range(0, 30, 10):
            await queue(parts, messages[nth : nth + 10])
            await parts.relay.carry(connection)
        assert await unsent(site) == 29

        await limit(site, max_msgs=-1)
        await queue(parts, messages[30:])
        await drain(parts)

    assert ids(await stored(site)) == ids(messages)


async def limit(site: Site, *, max_msgs: int) -> None:
    """How many messages referral's stream takes."""
    async with site.server.user(PROVISIONER) as client:
        config = {**stream_config(service_stream("referral")), "max_msgs": max_msgs}
        await asked(client, "STREAM.UPDATE.REFERRAL", config)


async def test_a_transaction_that_commits_late_is_not_skipped(site: Site) -> None:
    early, late = inside(uuid4()), inside(uuid4())
    async with site.parts("referral") as parts, parts.work.connect() as slow:
        transaction = await slow.begin()
        await outbox.add(slow, [late])
        await queue(parts, [early])
        await drain(parts)
        assert ids(await stored(site)) == ids([early])

        await transaction.commit()
        await drain(parts)

        assert ids(await stored(site)) == ids([early, late])


async def test_of_many_writers_that_commit_whenever_none_is_skipped(site: Site) -> None:
    chance = random.Random(20261124)
    written: list[str] = []

    async def write() -> None:
        for _ in range(8):
            messages = [inside(uuid4()) for _ in range(chance.randint(1, 4))]
            async with parts.work.begin() as connection:
                await outbox.add(connection, messages)
                await connection.execute(
                    text("select pg_sleep(:seconds)"), {"seconds": chance.random() / 50}
                )
            written.extend(ids(messages))

    async with site.parts("referral") as parts:
        relay = asyncio.create_task(parts.relay.run())
        await asyncio.gather(*(write() for _ in range(6)))

        async def all_sent() -> bool:
            return await unsent(site) == 0

        await until(all_sent)
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)

    found = ids(await stored(site))
    assert sorted(found) == sorted(written)


async def test_what_is_sent_carries_exactly_the_committed_headers(site: Site) -> None:
    message = inside(
        uuid4(),
        causation_id='cause "é" %',
        correlation_id="c",
        trace=f"00-{'a' * 32}-{'b' * 16}-01",
    )
    async with site.parts("referral") as parts:
        await queue(parts, [message])
        await drain(parts)

    (one,) = await stored(site)
    ((headers, hop),) = await site.rows("select headers, hop from referral.outbox")
    assert one.headers == headers_of(headers)
    assert headers_of(headers)["traceparent"] == hop
    assert hop.startswith(f"00-{'a' * 32}-")
    assert hop.split("-")[2] != "b" * 16
    assert one.data == message.message.encode()


async def test_bodies_are_forgotten_only_once_taken_and_past_any_resend(site: Site) -> None:
    async with site.parts("referral") as parts:
        await queue(parts, [inside(uuid4()) for _ in range(3)])
        await drain(parts)
        await site.run("update referral.outbox set sent_at = sent_at - interval '2 days'")
        async with parts.work.begin() as connection:
            assert await rows.confirm(connection, STREAM, 1, organisation=None, room=9) == 1
        await site.run("update referral.confirmed set at = at - interval '2 days'")
        async with parts.work.begin() as connection:
            assert await rows.confirm(connection, STREAM, 2, organisation=None, room=9) == 1
        async with parts.work.begin() as connection:
            assert await rows.forget_bodies(connection, 100) == 1

    kept = await site.rows(
        "select body is not null, delivered_at is not null from referral.outbox order by position"
    )
    assert kept == [(False, True), (True, False), (True, False)]
