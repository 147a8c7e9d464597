"""After 30, 90 and 180 days the owner has to ask how the person is, and says what came of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contracts.feed_cases import FollowupAwaited
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.following_up import tell_due
from tests.builders import a_mint
from tests.intake.rooms import SHELTER, Case, Room, open_room
from tests.intake.test_access import call
from tests.intake.transferred import World
from tests.intake.vaults import a_vault, work_engine
from tests.parts import Site, until
from tests.servers import Database

pytestmark = pytest.mark.share("lifecycle")
POLICE = "POLICE_A"
AGED = "followed_since = now() - interval '30 days', followup_due_at = now()"
FIRST, LAST = (f"(select {end}(case_id::text)::uuid from cases)" for end in ("min", "max"))
ERASED = f"number = null where case_id = {FIRST}"
CLOSED = (
    "closed_at = now(), closure = 'died'"
    " where case_id = (select case_id from cases order by case_id offset 5 limit 1)"
)
MERGED = f"merged_into = {FIRST} where case_id = {LAST}"


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await opened.knows(POLICE, "police", "nats")
        yield opened


async def pass_by(room: Room, days: int) -> None:
    """So many days pass for every case: what was registered and is due lies so much further back."""
    await room.site.run(
        "update intake.followups set due_at = due_at - make_interval(days => :days)", days=days
    )
    await room.site.run(
        "update intake.cases set followed_since = followed_since - make_interval(days => :days),"
        " followup_due_at = followup_due_at - make_interval(days => :days)",
        days=days,
    )


async def due(room: Room, code: str = POLICE, more: str = "") -> list[dict[str, Any]]:
    found = await call(room.desk, f"/followups{more}", code, role="officer")
    listed: list[dict[str, Any]] = found.json()["followups"]
    return listed


async def finish(room: Room, followup_id: str, code: str = POLICE) -> int:
    path = f"/followups/{followup_id}/outcome"
    return (await call(room.desk, path, code, json={"outcome": "well"})).status_code


async def told_by_hand(room: Room) -> None:
    """What is due is told."""

    async def is_told() -> bool:
        overdue = "select 1 from intake.cases where followup_due_at <= now() and number is not null"
        return not await room.site.rows(overdue)

    await until(is_told, seconds=15)


async def test_each_follow_up_is_told_when_its_day_comes_and_closed_by_its_owner_once(
    room: Room,
) -> None:
    case: Case = await room.register()
    assert await due(room) == []

    heard = []
    for days in (30, 60, 90, 400):
        await pass_by(room, days)
        await told_by_hand(room)
        heard.append([one["after_days"] for one in await due(room)])
    assert heard == [[30], [30, 90], [30, 90, 180], [30, 90, 180]]
    told = [one for _, one in await room.feed(POLICE) if isinstance(one, FollowupAwaited)]
    assert [one.after_days for one in told] == [30, 90, 180]

    first = (await due(room))[0]
    assert (first["number"], first["followup_id"]) == (case.number, str(told[0].followup_id))
    assert [await finish(room, first["followup_id"], code) for code in (SHELTER, POLICE, POLICE)] == [
        404, 204, 404,
    ]  # fmt: skip
    assert await due(room, SHELTER) == []
    assert [one["after_days"] for one in await due(room)] == [90, 180]
    assert [one["outcome"] for one in await due(room, more="?done=true")] == [None, None, "well"]
    said = await room.site.rows(
        "select convert_from(body, 'UTF8')::jsonb - 'done_on' from intake.outbox"
        " where name = 'followup.done'"
    )
    assert [one[0] for one in said] == [
        {"organisation": POLICE, "after_days": 30, "outcome": "well"}
    ]


async def test_nobody_is_asked_about_an_erased_or_closed_case_or_twice_about_one_person(
    fresh_database: Database, tmp_path: Path
) -> None:
    by = Discloser(mint=a_mint(), vault=a_vault(tmp_path), feed_key=b"f" * 32)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        world = World(engine, by, Random(1))
        await world.place(12)
        async with engine.begin() as connection:
            for change in (AGED, ERASED, CLOSED, MERGED):
                await connection.exec_driver_sql(f"update cases set {change}")

        async def look() -> int:
            async with engine.begin() as connection:
                return await tell_due(connection, by=by)

        told = await asyncio.gather(*(look() for _ in range(8)))
        async with engine.connect() as connection:
            rows = (await connection.exec_driver_sql("select case_id from followups")).all()

    assert sum(told) == len(rows) == len(set(rows)) == 9
