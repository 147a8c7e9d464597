from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.assembly import Parts
from chassis.outbox import Outgoing
from chassis.relay import Row, rows
from chassis.relay.withdrawal import erase, withdrawn
from tests.chassis.outgoing import POLICE, SHELTER, drain, ids, numbers, queue, told
from tests.parts import Site
from tests.servers import partner_jetstream

pytestmark = pytest.mark.share("sealed")
LOST_MARK = "update referral.outbox set sent_at = null, stream_sequence = null"


def resting(organisation: str = SHELTER, **changes: object) -> Outgoing:
    """A message that rests on consent."""
    said: dict[str, Any] = {
        "case_id": uuid4(),
        "ground": "consent",
        "correlation_id": "r1",
    } | changes
    return told(organisation, **said)


async def take_back(parts: Parts, *messages: Outgoing) -> tuple[int, ...]:
    async with parts.work.begin() as connection:
        return await outbox.withdraw(connection, [one.id for one in messages])


async def feed(site: Site, code: str) -> list[Msg]:
    """All that an organisation finds in its feed."""
    found: list[Msg] = []
    async with site.server.partner(code) as client:
        mine = await partner_jetstream(client, 5).pull_subscribe_bind(code, stream="OUT")
        with suppress(TimeoutError):
            while True:
                found += await mine.fetch(50, timeout=0.5)
    return found


async def held(site: Site) -> set[UUID]:
    """What OUT holds, by id."""
    return {UUID(one) for code in (SHELTER, POLICE) for one in ids(await feed(site, code))}


async def test_what_nobody_has_leased_is_never_sent_and_uses_no_number(site: Site) -> None:
    gone, kept = resting(), resting()
    async with site.parts("referral") as parts:
        await queue(parts, [gone, kept])
        assert await take_back(parts, gone) == ()
        await drain(parts)

    found = await feed(site, SHELTER)
    assert ids(found) == [str(kept.id)]
    assert numbers(found, "ce-feedsequence") == [1]
    assert await site.rows("select body from referral.outbox where id = :id", id=gone.id) == [
        (None,)
    ]


async def test_what_was_sent_is_deleted_and_nothing_else_is(site: Site) -> None:
    before, gone, after, others = resting(), resting(), resting(), resting(POLICE)
    async with site.parts("referral") as parts:
        await queue(parts, [before, gone, after, others])
        await drain(parts)
        assert await take_back(parts, gone) == (2,)
        await drain(parts)

    assert await held(site) == {before.id, after.id, others.id}
    ((body, headers, erased),) = await site.rows(
        "select body, headers, erased_at is not null from referral.outbox where id = :id",
        id=gone.id,
    )
    assert (body, headers, erased) == (None, None, True)


async def test_what_was_stored_without_our_knowing_is_found_and_deleted(site: Site) -> None:
    gone, kept = resting(), resting()
    async with site.parts("referral") as parts:
        await queue(parts, [gone, kept])
        await drain(parts)
        await site.run(f"{LOST_MARK} where id = :id", id=gone.id)
        await take_back(parts, gone)
        await drain(parts)

    assert await held(site) == {kept.id}


@dataclass(slots=True)
class Meanwhile:
    """A real session; something happens between its first statement and the next."""

    real: AsyncConnection
    happens: Callable[[], Awaitable[Any]]
    has_begun: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def execute(self, *given: Any) -> Any:
        result = await self.real.execute(*given)
        if not self.has_begun:
            self.has_begun = True
            await self.happens()
        return result


async def test_what_is_withdrawn_in_the_middle_of_a_round_is_not_sent_any_more(site: Site) -> None:
    gone, kept = resting(), resting()
    async with site.parts("referral") as parts, parts.work.connect() as connection:
        await queue(parts, [gone, kept])
        async with connection.begin():
            head = await rows.waiting(connection, 2)
            await parts.relay.stamper.stamp(connection, head.rows, chains=head.chains)
        meanwhile: Any = Meanwhile(connection, lambda: take_back(parts, gone))
        await parts.relay.carry(meanwhile)
        await drain(parts)

    assert await held(site) == {kept.id}


async def test_what_was_leased_and_never_stored_stays_away(site: Site) -> None:
    gone, kept = resting(), resting()
    async with site.parts("referral") as parts:
        await queue(parts, [gone])
        async with parts.work.begin() as connection:
            head = await rows.waiting(connection, 1)
            await parts.relay.stamper.stamp(connection, head.rows, chains=head.chains)
        assert await take_back(parts, gone) == (1,)
        await queue(parts, [kept])
        await drain(parts)

    found_now = await feed(site, SHELTER)
    assert ids(found_now) == [str(kept.id)]
    assert numbers(found_now, "ce-feedsequence") == [2]


async def test_a_withdrawal_counts_once_however_often_it_is_asked(site: Site) -> None:
    gone = resting()
    async with site.parts("referral") as parts:
        await queue(parts, [gone])
        await drain(parts)
        assert [await take_back(parts, gone) for _ in range(3)] == [(1,), (), ()]
        await drain(parts)
        assert await drain(parts) == 0


async def test_in_a_stream_made_anew_nothing_is_deleted_by_an_old_sequence(site: Site) -> None:
    gone, somebodys = resting(), resting(POLICE)
    async with site.parts("referral") as parts:
        await queue(parts, [gone, somebodys])
        await drain(parts)
        await take_back(parts, gone)
        await site.run("insert into referral.streams values ('OUT', 'another birth')"
                       " on conflict (name) do update set born = excluded.born")  # fmt: skip
        async with parts.work.connect() as connection:
            async with connection.begin():
                waiting = await withdrawn(connection)
            assert await erase(connection, parts.wire.jetstream, waiting) == 0

    assert await held(site) == {gone.id, somebodys.id}


async def test_the_ground_is_asked_for_again_before_a_number_is_given(site: Site) -> None:
    fallen, standing, notice = resting(), resting(), resting(ground=None)
    asked: list[str] = []

    async def decide(_: AsyncConnection, given: Sequence[Row]) -> Collection[int]:
        asked.extend(str(row.id) for row in given)
        return [row.position for row in given if row.id == fallen.id]

    async with site.parts("referral") as parts:
        parts.relay.fallen = decide
        await queue(parts, [fallen, standing, notice])
        await drain(parts)

    assert asked == [str(fallen.id), str(standing.id)]
    found = await feed(site, SHELTER)
    assert ids(found) == [str(standing.id), str(notice.id)]
    assert numbers(found, "ce-feedsequence") == [1, 2]


async def test_only_what_rests_on_that_ground_for_that_matter_is_found(site: Site) -> None:
    wanted = resting()
    case: dict[str, Any] = {"case_id": wanted.case_id}
    others = [resting(ground="vital_interest", **case), resting(ground=None, **case), resting(),
              resting(correlation_id="r2", **case), resting(POLICE, **case)]  # fmt: skip
    async with site.parts("referral") as parts:
        await queue(parts, [wanted, *others])
        async with parts.work.begin() as connection:
            found = await outbox.resting_on(
                connection, "consent", **case, organisation=SHELTER, correlation_id="r1"
            )
    assert found == [wanted.id]
