"""The law of conservation where a durable hears some subjects of its stream only."""

import pytest
from nats.aio.client import Client

from chassis.assembly import Parts
from chassis.inbox import Consumer
from contracts.topology import READINGS
from tests.asked import a_request
from tests.builders import request_headers, sent_subject
from tests.chassis.test_conservation import acknowledged, counts, keeper_of, look
from tests.chassis.test_requests import A, Told, a_consumer
from tests.parts import Site, fetched, make_effects, until

pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]
(HEARING,) = (one for one in READINGS if one.durable.name == "intake-INBOX")
HEARD = ["consent.acknowledge", "case.report"]


def a_hearing_consumer(parts: Parts) -> Consumer:
    """It reads what intake hears of INBOX."""
    consumer = a_consumer(parts, Told())
    consumer.name = HEARING.durable.name
    consumer.tell = None
    return consumer


async def send(client: Client, *names: str) -> None:
    for name in names:
        request = a_request(name)
        headers = request_headers(A, request, stamped=False)
        await client.request(sent_subject(request), request.encode(), headers=headers, timeout=5)


def test_intake_hears_several_kinds() -> None:
    heard = (*HEARD, "suspect.report", "threat.report")
    assert set(HEARING.filter_subjects) == {f"in.*.{name}.v1" for name in heard}


@pytest.mark.parametrize("room", [1, 2, 3, 100])
async def test_a_durable_answers_for_each_kind_that_it_hears_and_for_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr("chassis.conservation.taken.ROOM", room)
    await make_effects(site, "intake")
    async with site.parts("intake") as parts, site.server.partner(A) as client:
        consumer = a_hearing_consumer(parts)
        await send(client, "referral.accept", *HEARD, HEARD[0], "feed.replay", HEARD[1], HEARD[1])

        async def has_come() -> bool:
            info = await parts.wire.jetstream.consumer_info("INBOX", consumer.name)
            return (info.num_pending or 0) >= 5

        await until(has_come)
        await consumer.take(await fetched(parts, "INBOX", consumer.name, wanted=5))
        await consumer.bury_gathered()
        await acknowledged(parts, consumer)

        found = await look(keeper_of(parts, consumer), -(-5 // room) + 1)
        assert counts(found[consumer.name]) == {"accepted": 5, "delivered": 5}

        # One of each kind is lost on our side: the law misses both, wherever they lie.
        await site.run(
            "delete from intake.inbox where stream_sequence in"
            " (select stream_sequence from intake.inbox order by stream_sequence limit 2)"
        )
        await site.run("delete from intake.conservation")
        found = await look(keeper_of(parts, consumer), -(-5 // room) + 2)
        assert counts(found[consumer.name]) == {"accepted": 5, "delivered": 3, "missing": 2}


async def test_what_others_hear_is_nothing_to_a_durable_that_does_not(site: Site) -> None:
    async with site.parts("intake") as parts, site.server.partner(A) as client:
        consumer = a_hearing_consumer(parts)
        await send(client, "referral.accept", "feed.replay")

        async def has_come() -> bool:
            return bool((await parts.wire.jetstream.stream_info("INBOX")).state.messages == 2)

        await until(has_come)
        assert counts((await look(keeper_of(parts, consumer), 2))[consumer.name]) == {}
