from shutil import rmtree
from uuid import uuid4

import pytest

from chassis.assembly import Parts
from chassis.relay import upkeep
from chassis.relay.upkeep import Upkeep
from tests.chassis.outgoing import POLICE, SHELTER, drain, feed_of, ids, queue, told
from tests.parts import Site

pytestmark = pytest.mark.share("fire")
ROOM = 10
UNCONFIRMED = "select count(*) from referral.unconfirmed"


async def due(parts: Parts, work: Upkeep) -> bool:
    """One round of it."""
    async with parts.work.connect() as connection:
        return await work.when_due(connection, parts.wire.jetstream)


async def sent(site: Site, parts: Parts, *, shelter: int, police: int = 0) -> None:
    """Messages that their organisations have taken."""
    codes = [SHELTER] * shelter + [POLICE] * police
    await queue(parts, [told(code, uuid4()) for code in codes])
    await drain(parts)
    await feed_of(site, SHELTER, shelter)
    await feed_of(site, POLICE, police)


async def test_what_a_rush_left_is_confirmed_and_forgotten_a_part_between_two_sends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "ROOM", ROOM)
    monkeypatch.setattr(upkeep, "RECIPIENTS", 1)
    work = Upkeep("referral", _confirm_at=0.0)
    async with site.parts("referral") as parts:
        await sent(site, parts, shelter=23, police=12)
        unconfirmed = await after_each(site, parts, work, UNCONFIRMED)
        await site.run("update referral.confirmed set at = at - interval '2 hours'")
        work._confirm_at = 0.0
        kept = await after_each(site, parts, work, "select count(body) from referral.outbox")

    for left in (unconfirmed, kept):
        assert left[-1] == 0
        steps = zip([35, *left], left, strict=False)
        assert {before - after for before, after in steps} <= set(range(ROOM + 1))


async def after_each(site: Site, parts: Parts, work: Upkeep, query: str) -> list[int]:
    """What a query counts after each of some rounds."""
    found = []
    for _ in range(7):
        assert not await due(parts, work)
        found += [count for (count,) in await site.rows(query)]
    return found


async def test_what_a_new_stream_has_delivered_confirms_nothing_of_the_one_before(
    site: Site,
) -> None:
    """The stream is made anew after the last look: its first places are those of the lost ones."""
    server, work = site.server, Upkeep("referral")
    async with site.parts("referral") as parts:
        lost = [told(SHELTER, uuid4()) for _ in range(3)]
        await queue(parts, lost)
        await drain(parts)
        assert not await due(parts, work)
        server.server.stop()
        rmtree(server.state.nats / "store")
        server.server.start()
        await server.provision()
        await sent(site, parts, shelter=3)

        work._confirm_at = 0.0
        assert await due(parts, work)
        parts.relay._left_over = True
        await drain(parts)

    assert ids(await feed_of(site, SHELTER, 3)) == ids(lost)
