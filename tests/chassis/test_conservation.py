"""The law on real servers: it holds while all is well, and names what was taken from either side."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from chassis import outbox
from chassis.assembly import Parts
from chassis.conservation import LawKeeper, Standing
from chassis.conservation.slices import SLICE
from chassis.inbox import Consumer
from chassis.inbox.share import Shares
from chassis.inbox.sweep import Sweep
from chassis.outbox import Outgoing
from chassis.relay.upkeep import Upkeep
from tests.builders import CANARY
from tests.chassis.outgoing import SHELTER, STREAM, drain, inside, queue, told
from tests.chassis.streams import a_consumer as an_ordered_consumer
from tests.chassis.streams import deliver, publish, settled
from tests.chassis.test_dead_letters import POISON, Fragile, decide, kill
from tests.chassis.test_requests import A, Told, send, taken
from tests.chassis.test_requests import a_consumer as a_request_consumer
from tests.parts import Site, make_effects, writing_as

NAMES = quote(CANARY)
pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]


def keeper_of(parts: Parts, *readers: Consumer) -> LawKeeper:
    """It looks whenever it is told to, at everything."""
    return LawKeeper(
        engine=parts.work,
        wire=parts.wire,
        readers=readers,
        metrics=parts.metrics,
        seconds=0,
        settled=0,
    )


async def look(keeper: LawKeeper, times: int = 1) -> dict[str, Standing]:
    for _ in range(times - 1):
        await keeper.once()
    return {one.consumer: one for one in await keeper.once()}


def counts(found: Standing) -> dict[str, int]:
    """What is not nought; and the law itself."""
    states = ("accepted", "delivered", "pending", "parked", "dead", "missing", "unfounded")
    counted = {state: getattr(found, state) for state in states}
    assert found.accepted == sum(
        counted[state] for state in ("delivered", "pending", "parked", "dead", "missing")
    )
    return {state: count for state, count in counted.items() if count}


def named(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, list[str]]]:
    """(border, what is wrong, ids) of each alarm."""
    return [
        (record.consumer, record.reason, record.ids)  # type: ignore[attr-defined]  # what `extra` gave
        for record in caplog.records
        if record.message == "conservation_broken"
    ]


@asynccontextmanager
async def sending(site: Site, messages: Sequence[Outgoing]) -> AsyncIterator[Parts]:
    """referral has sent these, and its relay knows the streams."""
    async with site.parts("referral") as parts:
        await queue(parts, messages)
        await drain(parts)
        await notice(parts)
        yield parts


async def notice(parts: Parts) -> None:
    """What the leading relay does every five seconds."""
    async with parts.work.connect() as connection:
        for stream in (STREAM, "OUT"):
            await Upkeep("referral").look(connection, parts.wire.jetstream, stream)


@pytest.mark.parametrize("size", [7, SLICE])
async def test_of_what_was_sent_and_waits_each_message_is_accounted_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("chassis.conservation.slices.SLICE", size)
    messages = [*(inside(uuid4()) for _ in range(30)), told(SHELTER, uuid4())]
    async with sending(site, messages) as parts:
        keeper = keeper_of(parts)
        assert counts((await look(keeper))["relay-REFERRAL"]) == {"accepted": 30, "delivered": 30}

        await queue(parts, [inside(uuid4()) for _ in range(4)])
        found = await look(keeper)
        assert counts(found["relay-OUT"]) == {"accepted": 1, "delivered": 1}
        assert counts(found["relay-REFERRAL"]) == {"accepted": 34, "delivered": 30, "pending": 4}

        await drain(parts)
        assert counts((await look(keeper))["relay-REFERRAL"]) == {"accepted": 34, "delivered": 34}


async def test_a_message_that_is_gone_from_its_stream_is_named_at_the_second_look(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [told(SHELTER, uuid4()) for _ in range(5)]
    async with sending(site, messages) as parts:
        keeper = keeper_of(parts)
        await parts.wire.jetstream.delete_msg("OUT", 3)

        assert counts((await look(keeper))["relay-OUT"]) == {
            "accepted": 5, "delivered": 4, "pending": 1,
        }  # fmt: skip
        assert named(caplog) == []

        for _ in range(2):
            assert counts((await look(keeper))["relay-OUT"]) == {
                "accepted": 5, "delivered": 4, "missing": 1,
            }  # fmt: skip
        assert named(caplog) == [("relay-OUT", "missing", [str(messages[2].id)])]


async def test_what_was_taken_back_is_not_missed_whenever_that_was(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    seen, unseen, suspect, kept = (told(SHELTER, uuid4(), ground="consent") for _ in range(4))
    async with sending(site, [seen, suspect]) as parts:
        keeper = keeper_of(parts)
        await parts.wire.jetstream.delete_msg("OUT", 2)
        await look(keeper)
        await queue(parts, [unseen, kept])
        await drain(parts)
        async with parts.work.begin() as connection:
            await outbox.withdraw(connection, [seen.id, unseen.id, suspect.id])
        await drain(parts)

        found = await look(keeper, 3)
        assert counts(found["relay-OUT"]) == {"accepted": 2, "delivered": 2}
        assert named(caplog) == []


async def test_a_broker_that_was_set_back_is_found_though_all_was_in_its_place_before(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    server = site.server
    store, copy = server.state.nats / "store", site.folder / "copy"
    early, late = ([inside(uuid4()) for _ in range(count)] for count in (3, 2))
    async with sending(site, early):
        pass
    server.server.stop()
    shutil.copytree(store, copy)
    server.server.start()
    async with sending(site, late) as parts:
        await look(keeper_of(parts))
    server.server.stop()
    shutil.rmtree(store)
    shutil.copytree(copy, store)
    server.server.start()

    async with site.parts("referral") as parts:
        found = await look(keeper_of(parts), 2)

    assert counts(found["relay-REFERRAL"]) == {"accepted": 5, "delivered": 3, "missing": 2}
    assert named(caplog) == [
        ("relay-REFERRAL", "missing", sorted(str(message.id) for message in late))
    ]


async def test_a_broker_that_lost_its_store_is_no_breach_and_what_goes_again_is_looked_at(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [inside(uuid4()) for _ in range(6)]
    async with sending(site, messages) as parts:
        await look(keeper_of(parts))
        # Marked, and not looked at when the store is lost.
        await queue(parts, [inside(uuid4())])
        await drain(parts)
    server = site.server
    server.server.stop()
    shutil.rmtree(server.state.nats / "store")
    server.server.start()
    assert (await server.provision()).clean is not None

    async with site.parts("referral") as parts:
        await look(keeper_of(parts), 2)
        await notice(parts)
        await look(keeper_of(parts))
        await drain(parts)
        found = await look(keeper_of(parts), 2)

    assert counts(found["relay-REFERRAL"]) == {"accepted": 7, "delivered": 7}
    assert named(caplog) == []


@asynccontextmanager
async def taking(site: Site) -> AsyncIterator[tuple[Parts, Consumer, str]]:
    """referral has done three events of one case, parked one of another, and buried one."""
    await make_effects(site)
    case_id, fragile = str(uuid4()), Fragile()
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = an_ordered_consumer(parts, fragile)
        for number in (1, 2, 3):
            await publish(jetstream, case_id, number)
        await publish(jetstream, str(uuid4()), 2)
        await deliver(parts, consumer, 4)
        fifth = await publish(jetstream, str(uuid4()), 1, owner=POISON)
        await kill(parts, consumer, fifth)
        await deliver(parts, consumer, 1)
        await settled(parts)
        yield parts, consumer, case_id


TAKEN_AWAY = ("delete from referral.parked", "delete from referral.dead_letters")


async def test_of_what_was_taken_each_message_is_done_parked_or_dead_and_stays_watched(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with taking(site) as (parts, consumer, _):
        keeper = keeper_of(parts, consumer)
        here = {"accepted": 5, "delivered": 3, "parked": 1, "dead": 1}
        assert counts((await look(keeper))[consumer.name]) == here

        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, str(uuid4()), 1)
        found = (await look(keeper, 3))[consumer.name]
        assert counts(found) == here | {"accepted": 6, "pending": 1}

        for statement in TAKEN_AWAY:
            await site.run(statement)
        found = (await look(keeper, 2))[consumer.name]
        assert counts(found) == {"accepted": 6, "delivered": 3, "pending": 1, "missing": 2}
        lost = [await id_at(parts, place) for place in (4, 5)]

    assert named(caplog) == [(consumer.name, "missing", sorted(lost))]


async def test_a_dead_letter_that_is_discarded_stays_in_the_sum_and_one_retried_is_delivered(
    site: Site,
) -> None:
    async with taking(site) as (parts, consumer, _):
        keeper = keeper_of(parts, consumer)
        await look(keeper)
        await decide(site, parts, retry=False)
        await Sweep(consumer).once()

        found = (await look(keeper, 2))[consumer.name]
        assert counts(found) == {"accepted": 5, "delivered": 3, "parked": 1, "dead": 1}
        assert await site.rows("select state from referral.watched") == [("parked",)]


async def test_what_is_taken_from_a_position_is_named_at_the_second_look(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with taking(site) as (parts, consumer, case_id):
        await site.run("update referral.positions set last = 1 where subject = :case", case=case_id)
        keeper = keeper_of(parts, consumer)
        await look(keeper)
        assert named(caplog) == []
        found = (await look(keeper))[consumer.name]
        lost = [await id_at(parts, place) for place in (2, 3)]

    assert counts(found)["missing"] == len(lost)
    assert named(caplog) == [(consumer.name, "missing", sorted(lost))]


async def id_at(parts: Parts, place: int) -> str:
    found = await parts.wire.read_again("INTAKE", place)
    assert found is not None
    assert found.headers is not None
    return str(found.headers["ce-id"])


@asynccontextmanager
async def asked(
    site: Site, ids: Sequence[UUID], shares: Shares | None = None
) -> AsyncIterator[tuple[Parts, Consumer]]:
    """referral has taken one request of a partner for each id."""
    await make_effects(site)
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_request_consumer(parts, Told(), shares)
        for identity in ids:
            await send(client, A, identity=identity)
        await taken(parts, consumer, len(ids))
        await acknowledged(parts, consumer)
        yield parts, consumer


async def acknowledged(parts: Parts, consumer: Consumer) -> None:
    async with asyncio.timeout(5):
        while (
            await parts.wire.jetstream.consumer_info(consumer.stream, consumer.name)
        ).num_ack_pending:
            await asyncio.sleep(0.02)


#: A row of no message, of one that never came, and of another one's place.
FAKES = ("null", "4", "2")


async def test_rows_of_the_inbox_without_their_message_are_named(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    ids, never = [uuid4() for _ in range(3)], [uuid4() for _ in FAKES]
    async with asked(site, ids) as (parts, consumer):
        keeper = keeper_of(parts, consumer)
        found = (await look(keeper, 2))[consumer.name]
        assert counts(found) == {"accepted": 3, "delivered": 3}
        for fake, identity in zip(FAKES, never, strict=True):
            await site.run(
                "insert into referral.inbox (consumer, source, id, digest, stream_sequence) "
                f"select consumer, source, :never, digest, {fake} from referral.inbox where id = :id",
                id=ids[0],
                never=identity,
            )
        await look(keeper)
        assert named(caplog) == []
        found = (await look(keeper))[consumer.name]

        assert counts(found) == {"accepted": 3, "delivered": 3, "unfounded": 3}
        assert named(caplog) == [(consumer.name, "unfounded", sorted(map(str, never)))]

        await site.run("delete from referral.inbox where id = any(:ids)", ids=never)
        assert "unfounded" not in counts((await look(keeper))[consumer.name])


async def test_a_row_that_is_gone_from_the_inbox_or_has_another_body_is_named(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [uuid4() for _ in range(3)]
    async with asked(site, ids) as (parts, consumer):
        await site.run("delete from referral.inbox where id = :id", id=ids[1])
        await site.run("update referral.inbox set digest = '' where id = :id", id=ids[2])
        found = (await look(keeper_of(parts, consumer), 2))[consumer.name]

    # The message with that body is in no row, and the row's body in no message.
    assert counts(found) == {"accepted": 3, "delivered": 1, "missing": 2, "unfounded": 1}
    gone = {identity for _, reason, named_ids in named(caplog) for identity in named_ids}
    assert gone == {str(ids[1]), str(ids[2])}


async def test_requests_put_aside_are_pending_until_their_turn_and_missed_when_they_lose_it(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [uuid4() for _ in range(4)]
    shares = Shares(per_second=0.0, burst=1.0)
    async with asked(site, ids, shares) as (parts, consumer):
        keeper = keeper_of(parts, consumer)
        found = (await look(keeper, 2))[consumer.name]
        assert counts(found) == {"accepted": 4, "delivered": 1, "pending": 3}

        await site.run("delete from referral.redeliveries where stream_sequence = 2")
        await site.run("update referral.redeliveries set due_at = clock_timestamp()")
        await Sweep(consumer).once()

        found = (await look(keeper, 2))[consumer.name]
        assert counts(found) == {"accepted": 4, "delivered": 3, "missing": 1}
        assert named(caplog) == [(consumer.name, "missing", [str(ids[1])])]

        # How an operator mends it: the sweep reads it again, and the law sees it done.
        await site.run("insert into referral.redeliveries values (:name, 'INBOX', 2, now())",
                       name=consumer.name)  # fmt: skip
        await Sweep(consumer).once()
        assert counts((await look(keeper))[consumer.name]) == {"accepted": 4, "delivered": 4}


async def test_nothing_of_what_a_stranger_wrote_is_kept_or_said(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_request_consumer(parts, Told())
        await send(client, A, headers={"ce-subject": f"{NAMES}%00", "ce-source": NAMES})
        await send(client, A, headers={"ce-id": NAMES})
        await send(client, A, body=b"\xff" + CANARY.encode())
        await taken(parts, consumer, 3)
        await acknowledged(parts, consumer)
        keeper = keeper_of(parts, consumer)
        assert counts((await look(keeper))[consumer.name]) == {"accepted": 3, "dead": 3}

        await site.run("delete from referral.dead_letters")
        await look(keeper, 2)
        rows = await site.rows("select row_to_json(w)::text from referral.watched w")

    assert len(rows) == 3
    ((border, reason, ids),) = named(caplog)
    assert (border, reason, len(ids)) == (consumer.name, "missing", 3)
    assert "INBOX:2" in ids
    assert "Aminata" not in repr(rows) + repr(ids)


async def test_who_writes_the_servers_words_into_its_own_headers_hides_nothing(site: Site) -> None:
    words = {"Nats-Sequence": "1", "Nats-Subject": "x", "Nats-Time-Stamp": "x", "Status": "204"}
    await make_effects(site)
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_request_consumer(parts, Told())
        for body in (b"", b"{}", b""):
            await send(client, A, headers=words | {"Nats-Num-Pending": "0"}, body=body)
        await send(client, A)
        await taken(parts, consumer, 4)
        await acknowledged(parts, consumer)
        found = (await look(keeper_of(parts, consumer)))[consumer.name]
    assert counts(found) == {"accepted": 4, "dead": 3, "delivered": 1}


@pytest.mark.parametrize("room", [1, 7, 100])
async def test_what_is_over_for_one_look_waits_for_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr("chassis.conservation.taken.ROOM", room)
    monkeypatch.setattr("chassis.conservation.reach.SLICE", 3)
    monkeypatch.setattr("chassis.conservation.slices.SLICE", 3)
    async with asked(site, [uuid4() for _ in range(20)]) as (parts, consumer):
        keeper = keeper_of(parts, consumer)
        for nth in range(1, 20 // room + 2):
            seen = min(20, nth * room)
            pending = {"pending": 20 - seen} if seen < 20 else {}
            expected = {"accepted": 20, "delivered": seen, **pending}
            assert counts((await look(keeper))[consumer.name]) == expected


async def test_of_several_processes_one_counts_and_who_comes_right_after_takes_its_result(
    site: Site,
) -> None:
    async with sending(site, [inside(uuid4()) for _ in range(8)]) as parts:
        keeper = keeper_of(parts)
        for _ in range(3):
            results = await asyncio.gather(*(keeper.once() for _ in range(3)))
            for one in (one for found in results for one in found):
                if one.consumer == "relay-REFERRAL":
                    assert counts(one) == {"accepted": 8, "delivered": 8}

        first = await look(keeper)
        await queue(parts, [inside(uuid4())])
        assert await look(replace(keeper, seconds=60)) == first
        assert counts((await look(keeper))["relay-REFERRAL"])["pending"] == 1


HISTORY = """
    insert into referral.outbox (id, stream, name, version, subject, sequence_key, leased_at, sent_at,
                                 stream_sequence, delivered_at)
    select gen_random_uuid(), 'REFERRAL', 'referral.unplaced', 1, n::text, n::text, 'epoch', 'epoch', n,
           'epoch' from generate_series(1, {rows}) n;
    insert into referral.positions select 'referral-INTAKE', 'x', n, 1 from generate_series(1, {rows}) n;
    insert into referral.dead_letters (consumer, stream, stream_sequence, reason, digest, tries, state)
    select 'referral-INTAKE', 'INTAKE', n, 'x', '', 1, 'done' from generate_series(1, {rows}) n
"""
READ = """
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int from pg_stat_user_tables
    where schemaname = 'referral'
"""


async def test_a_look_costs_what_has_moved_however_much_there_is(site: Site) -> None:
    async with taking(site):
        pass
    few = await rows_read_by_a_look(site)
    for statement in HISTORY.format(rows=20_000).split(";"):
        await site.run(statement)
    many = await rows_read_by_a_look(site)

    assert 0 < many <= few + 50


async def rows_read_by_a_look(site: Site) -> int:
    """At 50 new messages sent; a session tells what it has read when it ends."""
    async with sending(site, [inside(uuid4()) for _ in range(50)]):
        pass
    before = await rows_read(site)
    async with site.parts("referral") as parts:
        await look(keeper_of(parts, an_ordered_consumer(parts)))
    return await rows_read(site) - before


async def rows_read(site: Site) -> int:
    await asyncio.sleep(0.3)
    return int((await site.rows(READ))[0][0] or 0)
