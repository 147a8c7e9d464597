import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from uuid import uuid4

import pytest

from chassis.assembly import Parts
from chassis.outbox import Outgoing
from tests.chassis.outgoing import ids, inside, queue, stored, unsent
from tests.parts import Site, until

pytestmark = pytest.mark.share("fire")

LOCK_HOLDER = """
    select pid from pg_locks
    where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())
"""


@asynccontextmanager
async def relaying(*many: Parts) -> AsyncIterator[Sequence["asyncio.Task[None]"]]:
    """Relays that run as they do in the service."""
    tasks = [asyncio.create_task(parts.relay.run()) for parts in many]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def leaders(*many: Parts) -> list[Parts]:
    return [parts for parts in many if parts.relay.leading]


async def one_leads(*many: Parts) -> Parts:
    async def holds() -> list[Parts]:
        return leaders(*many)

    (leader,) = await until(holds)
    return leader  # type: ignore[no-any-return]  # `until` gives back what held


async def sent_all(site: Site, messages: Sequence[Outgoing]) -> None:
    async def holds() -> bool:
        return await unsent(site) == 0

    await until(holds)
    assert ids(await stored(site)) == ids(messages)


async def test_of_two_relays_one_leads_and_the_other_takes_over_when_its_session_ends(
    site: Site,
) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(site.parts("referral"))
        other = await stack.enter_async_context(site.parts("referral"))
        await stack.enter_async_context(relaying(one, other))
        leader = await one_leads(one, other)
        first = [inside(uuid4()) for _ in range(3)]
        await queue(one, first)
        await sent_all(site, first)
        assert leaders(one, other) == [leader]

        ((pid,),) = await site.rows(LOCK_HOLDER)
        await site.run("select pg_terminate_backend(:pid)", pid=pid)
        second = [inside(uuid4()) for _ in range(3)]
        await queue(one, second)

        await sent_all(site, [*first, *second])
        assert len(await site.rows(LOCK_HOLDER)) == 1


async def test_when_the_leading_process_stops_the_standby_goes_on(site: Site) -> None:
    async with AsyncExitStack() as stack:
        standby = await stack.enter_async_context(site.parts("referral"))
        async with site.parts("referral") as leader, relaying(leader):
            await one_leads(leader)
            await stack.enter_async_context(relaying(standby))
            await asyncio.sleep(0.1)
            assert leaders(standby, leader) == [leader]

        assert await one_leads(standby) is standby
        messages = [inside(uuid4())]
        await queue(standby, messages)
        await sent_all(site, messages)


async def test_a_round_that_fails_and_keeps_its_session_does_not_leave_the_lock_to_nobody(
    site: Site,
) -> None:
    async with site.parts("referral") as parts:
        # A pool with several idle sessions: the next one a relay gets is not the one it had.
        async with parts.work.connect(), parts.work.connect(), parts.work.connect():
            await asyncio.sleep(0)
        async with relaying(parts):
            await one_leads(parts)
            ((pid,),) = await site.rows(LOCK_HOLDER)
            async with site.superuser() as blocker:
                await blocker.exec_driver_sql("lock table referral.outbox")

                async def is_blocked() -> bool:
                    query = "select wait_event_type = 'Lock' from pg_stat_activity where pid = :pid"
                    return bool((await site.rows(query, pid=pid))[0][0])

                await until(is_blocked)
                await site.run("select pg_cancel_backend(:pid)", pid=pid)

            messages = [inside(uuid4())]
            await queue(parts, messages)

            await sent_all(site, messages)


async def test_two_services_lead_side_by_side(site: Site) -> None:
    async with site.parts("referral") as one, site.parts("intake") as other, relaying(one, other):

        async def both() -> bool:
            return len(leaders(one, other)) == 2

        await until(both)


@pytest.mark.parametrize("leads", [True, False], ids=["its own relay", "another's"])
async def test_a_commit_wakes_whoever_leads_without_waiting_for_its_next_look(
    site: Site, leads: bool
) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(site.parts("referral"))
        other = await stack.enter_async_context(site.parts("referral"))
        await stack.enter_async_context(relaying(one))
        await one_leads(one)
        for _ in range(5):
            await asyncio.sleep(0.15)  # the next look of its own is most of a second away
            await queue(one, [inside(uuid4())])
            began = monotonic()
            await (one if leads else other).wake_relay()
            await until(lambda: _all_sent(site))
            assert monotonic() - began < 0.5


async def _all_sent(site: Site) -> bool:
    return await unsent(site) == 0
