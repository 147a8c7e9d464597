"""Bad messages keep no good one waiting: they gather, and are buried many at once."""

from uuid import uuid4

import pytest

from chassis.inbox import consumer as inbox
from tests.chassis.streams import a_consumer, publish
from tests.chassis.test_requests import A, Told, send
from tests.chassis.test_requests import a_consumer as a_reader
from tests.parts import Site, effects, fetched, make_effects, writing_as

pytestmark = pytest.mark.share("fire")

DEAD = "select count(*) from referral.dead_letters"


async def test_a_good_message_ends_at_once_and_a_bad_one_beside_it_with_the_next_burial(
    site: Site,
) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts)
        await publish(jetstream, str(uuid4()), 1, body=b"{")
        await publish(jetstream, case_id, 1)
        bad, good = await fetched(parts, consumer.stream, consumer.name, wanted=2)
        await consumer.take([bad, good])

        assert (good.is_acked, bad.is_acked) == (True, False)
        assert await effects(site) == [(case_id, 1)]
        assert await site.rows(DEAD) == [(0,)]

        await consumer.bury_gathered()

        assert bad.is_acked
        assert await site.rows(DEAD) == [(1,)]


async def test_many_bad_messages_wait_for_no_burial_to_come(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "GATHERED", 3)
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        consumer = a_consumer(parts)
        for count, dead in ((2, 0), (1, 3)):
            for _ in range(count):
                await publish(jetstream, str(uuid4()), 1, body=b"{")
            await consumer.take(await fetched(parts, consumer.stream, consumer.name, wanted=count))
            assert await site.rows(DEAD) == [(dead,)]


async def test_a_bad_message_that_comes_again_before_its_burial_is_told_of_once(
    site: Site,
) -> None:
    told = Told()
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_reader(parts, told)
        await send(client, A, body=b"{")
        (message,) = await fetched(parts, consumer.stream, consumer.name, wanted=1)
        for _ in range(2):
            await consumer.take([message])
        await consumer.bury_gathered()

        assert told.reasons == [(A, "not_json", "body")]
        assert await site.rows(DEAD) == [(1,)]
