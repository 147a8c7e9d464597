"""What came in sealed about a person is taken out of the streams when the person is erased."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from hashlib import sha256
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.feed import CaseRegistered, FeedTrimmed
from tests.intake.erasures import add_committee, erase, taken_out
from tests.intake.reporters import Reporter, a_form
from tests.intake.rooms import Room, open_room
from tests.parts import Site, until

pytestmark = pytest.mark.share("sealed")
STREAMS = ("IN_POLICE_A", "INBOX")


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await add_committee(opened.desk)
        yield opened


@pytest.fixture
def police(room: Room) -> Reporter:
    return Reporter(room)


def places(*bodies: bytes) -> list[tuple[str, str]]:
    return sorted((name, sha256(body).hexdigest()) for name in STREAMS for body in bodies)


async def gone(police: Reporter, *but: bytes) -> None:
    """Wait until only these are left; INBOX may hold one twice, since a source may repeat itself."""
    lies: set[tuple[str, str]] = set()

    async def only_those() -> bool:
        nonlocal lies
        lies = set(await police.lying())
        return lies == set(places(*but))

    with suppress(TimeoutError):
        await until(only_those, seconds=20)
    assert lies == set(places(*but))


async def brought(police: Reporter, case_number: str) -> tuple[bytes, list[bytes]]:
    """The body that brought this case in, and the others: cases may be told of in another order."""
    (digest,) = await police.room.site.rows(
        "select digest from intake.reports join intake.cases using (case_id) where number = :number",
        number=case_number,
    )
    its = [body for body in police.sent if sha256(body).digest() == bytes(digest[0])]
    assert len(its) == 1
    return its[0], [body for body in police.sent if body is not its[0]]


async def test_an_erasure_takes_the_report_out_of_both_streams_and_the_number_out_of_the_feed(
    room: Room, police: Reporter
) -> None:
    for _ in range(3):
        await police.report(a_form())
    one, other, third = await police.numbers(3)
    assert sorted(await police.lying()) == places(*police.sent)
    first, kept = await brought(police, one.case_number)

    await erase(room.desk, one.case_number)
    await taken_out(room.desk)

    await gone(police, *kept)
    files = [p.read_bytes() for p in room.site.server.state.nats.rglob("*") if p.is_file()]
    assert not any(first in content for content in files), "nor does any file of NATS hold it"
    assert all(any(body in content for content in files) for body in kept), "where we can see"
    feed = [message for _, message in await room.feed("POLICE_A")]
    assert [message for message in feed if isinstance(message, FeedTrimmed)] != []
    held = await room.site.rows(
        "select subject from intake.outbox where name = 'case.registered' and stream = 'OUT'"
        " and erased_at is null"
    )
    assert len(held) == 2
    assert {other.case_number, third.case_number} == {
        row[0] for row in await room.site.rows("select number from intake.cases where number <> ''")
    }


async def test_every_copy_of_it_goes_also_one_that_was_sealed_anew_and_one_that_is_late(
    room: Room, police: Reporter
) -> None:
    report_id, form = uuid4(), a_form()
    for _ in range(2):
        await police.report(form, report_id)
    (one, _) = await police.numbers(2)
    await erase(room.desk, one.case_number)
    await gone(police)

    await police.report(form, report_id)

    (late,) = await police.rejections()
    assert (late.reason, late.field) == ("id_reused", "report_id")
    await gone(police)
    assert await room.desk.count("cases") == 1
    assert await room.site.rows("select count(*) from intake.cases where number <> ''") == [(0,)]
    assert await room.site.rows(
        "select count(*), count(forgotten_at), count(case_id) from intake.reports"
    ) == [(3, 3, 2)]


async def test_a_copy_at_another_place_is_found_too(room: Room, police: Reporter) -> None:
    """As after a broker was made anew, whose numbers are others."""
    await police.report(a_form())
    (one,) = await police.numbers()
    (request,) = police.sent

    async def seen(code: str) -> list[CaseRegistered]:
        return [m for _, m in await room.feed(code) if isinstance(m, CaseRegistered)]

    async with room.site.server.partner("POLICE_A") as client:
        for _ in range(3):  # nobody reads these: they are not signed
            await client.request("in.case.report.v1", request, timeout=5)

    async def all_stored() -> bool:
        return len(await police.lying()) == 8

    await until(all_stored)
    await erase(room.desk, one.case_number)

    await gone(police)
    assert await seen("POLICE_A") == []


async def test_nothing_is_taken_out_while_nobody_is_erased(room: Room, police: Reporter) -> None:
    await police.report(a_form())
    await police.numbers()

    await asyncio.sleep(2.5)  # the look each second has come by

    assert sorted(await police.lying()) == places(*police.sent)


async def test_a_repeat_that_meets_the_erasure_waits_for_it_and_is_taken_out(
    room: Room, police: Reporter
) -> None:
    report_id, form = uuid4(), a_form()
    await police.report(form, report_id)
    await police.numbers()
    async with room.site.superuser() as connection:
        await connection.execute(text("update intake.cases set number = null"))
        await police.report(form, report_id)
        await asyncio.sleep(0.7)
        assert await room.desk.count("reports") == 1

    (late,) = await police.rejections()
    assert (late.reason, late.field) == ("id_reused", "report_id")
    await gone(police, police.sent[0])
