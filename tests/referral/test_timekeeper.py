"""The clock beside the streams: an answer that came counts, whether or not it has been read."""

from functools import partial

import pytest

from chassis.assembly import Parts
from contracts.requests import AcceptReferral
from contracts.topology import readings_of
from services.referral.consumers import Handlers, consumers
from services.referral.gateways.unread import is_all_read
from services.referral.timers import Timekeeper
from tests.builders import an_organisation, request_headers, sent_subject
from tests.parts import Site, fetched, site, until
from tests.referral.callers import calling
from tests.referral.offices import KEY, open_office
from tests.referral.test_consumers import never_back

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
SHELTER = "SHELTER_B"
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation(SHELTER, "shelter", "shelter"),
)
STATES = "select organisation, state from referral.referrals"


async def offered(site: Site) -> AcceptReferral:
    """What the shelter will say to its offer."""
    async with open_office(site.database) as office:
        await office.publish(*DIRECTORY)
        await office.offer({"age_band": "25-34"})
        return AcceptReferral(referral_id=await office.open_offer(SHELTER))


def timekeeper(parts: Parts, handlers: Handlers) -> Timekeeper:
    (inbox,) = (one.durable for one in readings_of("referral") if one.stream == "INBOX")
    return Timekeeper(
        engine=parts.work,
        announcer=handlers.announcer,
        wake_relay=parts.wake_relay,
        is_read=partial(is_all_read, parts.wire, inbox),
    )


async def test_an_answer_that_came_in_time_counts_though_it_is_read_late(site: Site) -> None:
    accept = await offered(site)
    headers = request_headers(SHELTER, accept, stamped=False)
    async with site.server.partner(SHELTER) as client:
        await client.request(sent_subject(accept), accept.encode(), headers=headers, timeout=5)
    await site.run("update referral.timers set step = 'expire', due_at = now() - interval '1 day'")

    async with site.parts("referral") as parts:
        handlers = Handlers(parts, KEY, never_back)
        keeper = timekeeper(parts, handlers)

        async def has_come() -> bool:
            return bool((await parts.wire.jetstream.consumer_info("INBOX", inbox.name)).num_pending)

        _, inbox = consumers(parts, handlers)
        await until(has_come)
        assert await keeper.once() == 0
        assert await site.rows(STATES) == [(SHELTER, "offered")]

        messages = await fetched(parts, "INBOX", inbox.name, wanted=1)
        assert await keeper.once() == 0, "it is on its way"
        await inbox.take(messages)
        await until(lambda: keeper.once())
    assert await site.rows(STATES) == [(SHELTER, "accepted")]
    assert await site.rows("select * from referral.timers") == []


async def test_the_running_service_acts_on_time(site: Site) -> None:
    await offered(site)
    await site.run("update referral.timers set due_at = now()")

    async def reminded() -> bool:
        query = "select count(*) from referral.outbox where name = 'referral.reminded'"
        return await site.rows(f"{query} and sent_at is not null") == [(2,)]

    async with calling(site, *DIRECTORY):
        await until(reminded)
    assert site.failures == []
