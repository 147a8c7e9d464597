import asyncio
import random
import re
from collections.abc import Collection
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.inbox import Received
from services.reporting.store.facts import COLUMNS, TABLES
from tests.ledger import Form
from tests.reporting.endings import closed
from tests.reporting.happenings import DAWN, Happenings, Roles, clear, engines, take
from tests.servers import Database
from tests.signing import public_key

ROADS = (
    (),
    ("received",),
    ("accepted",),
    ("received", "accepted", "started", "delivered"),
    ("received", "declined"),
    ("received", "overdue"),
    ("accepted", "started", "withdrawn"),
)
STANDS = ("preliminary_inquiry", "charged", "judged")
CODES = ("COMITE", "ONG_ABRI")


@st.composite
def histories(draw: st.DrawFn) -> list[Received]:
    """Cases with referrals, merges and files that go different ways; organisations are replaced."""
    happened = Happenings()
    minutes = 0
    referrals = 0
    for case in range(draw(st.integers(1, 4))):
        happened.registered(case, minutes=draw(st.integers(0, 300)))
        for road in draw(st.lists(st.sampled_from(ROADS), max_size=3)):
            referrals += 1
            happened.offered(referrals, case, minutes=(minutes := minutes + 1))
            for step in road:
                happened.stepped(referrals, case, step, minutes=(minutes := minutes + 1))
        if draw(st.booleans()):
            happened.unplaced(case, minutes=(minutes := minutes + 1))
        for into in draw(st.lists(st.sampled_from((None, *range(case))), max_size=3)):
            happened.merged(case, into, minutes=(minutes := minutes + 1))
        if draw(st.booleans()):
            happened.followed_up(case, 180, on=DAWN.date(), minutes=(minutes := minutes + 1))
            closed(happened, case, "repatriated", on=DAWN.date(), minutes=(minutes := minutes + 1))
            happened.excepted(case, reason="complaint", minutes=(minutes := minutes + 1))
            happened.erased(case, minutes=(minutes := minutes + 1))
    minutes = draw_files(draw, happened, minutes)
    for code in draw(st.lists(st.sampled_from(CODES), max_size=4)):
        happened.organisation(code, key=public_key(code), minutes=(minutes := minutes + 1))
    return happened.events


def draw_files(draw: st.DrawFn, happened: Happenings, minutes: int) -> int:
    """Files on some of the cases, their suspects and judgments; what was said last counts."""
    for file, case in draw(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 3)), max_size=4)):
        minutes += 3
        happened.filed(file, case, draw(st.sampled_from(STANDS)), minutes=minutes)
        custody = draw(st.sampled_from(("free", "remand")))
        happened.suspected(draw(st.integers(1, 2)), file, custody=custody, minutes=minutes + 1)
        if draw(st.booleans()):
            happened.judged(1, file, minutes=minutes + 2)
    return minutes + 3


def in_another_order(events: list[Received], chance: random.Random) -> list[Received]:
    """Any order in which the events of one case of one stream stay in order."""
    places = [one.place for one in events]
    chance.shuffle(places)
    waiting: dict[tuple[str, str], list[Received]] = {}
    for one in events:
        waiting.setdefault(one.place, []).append(one)
    return [waiting[place].pop(0) for place in places]


def in_batches(events: list[Received], chance: random.Random) -> list[list[Received]]:
    batches: list[list[Received]] = [[]]
    for one in events:
        if chance.random() < 0.3:
            batches.append([])
        batches[-1].append(one)
    return [batch for batch in batches if batch]


async def rebuilt(work: AsyncEngine, *batches: list[Received]) -> dict[str, list[Any]]:
    """What the tables hold after these batches, from nothing."""
    await clear(work)
    await take(work, *batches)
    async with work.connect() as connection:
        return {
            table: sorted(map(repr, await connection.execute(text(f"select * from {table}"))))
            for table in TABLES
        }


def in_any_order_the_same(
    database: Database, *, examples: int, phases: Collection[Phase] = tuple(Phase)
) -> None:
    """Asserts it of so many histories, each shuffled, cut into batches and partly repeated."""
    with asyncio.Runner() as runner:
        opened = engines(database)
        work = runner.run(opened.__aenter__()).work

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=phases,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(events=histories(), seed=st.integers(0, 2**32))
        def any_order_will_do(events: list[Received], seed: int) -> None:
            chance = random.Random(seed)
            shuffled = in_batches(in_another_order(events, chance), chance)
            again = chance.sample(shuffled, k=min(2, len(shuffled)))

            in_order = runner.run(rebuilt(work, events))

            assert runner.run(rebuilt(work, *shuffled, *again)) == in_order

        try:
            any_order_will_do()
        finally:
            runner.run(opened.__aexit__(None, None, None))


@pytest.mark.share("figures")
def test_the_same_events_in_any_order_make_the_same_tables(
    one_database: Database, form: Form
) -> None:
    in_any_order_the_same(one_database, examples=form.pick(short=60, long=2_000))


async def test_no_table_that_reporting_counts_from_is_left_out_of_the_comparison_and_no_column_unwritten(
    roles: Roles,
) -> None:
    mechanisms = files("chassis").joinpath("mechanisms.sql").read_text()
    kept = {"alembic_version", "published", "editions", "edition_files", "publications"}
    shared = {*re.findall(r"create table (\w+)", mechanisms), *kept}

    async with roles.work.connect() as connection:
        found = await connection.execute(
            text(
                "select table_name, array_agg(cast(column_name as text))"
                " from information_schema.columns where table_schema = 'reporting' group by 1"
            )
        )
        columns = {table: set(named) for table, named in found if table not in shared}
    assert columns == {table: set(named.split(", ")) for table, named in COLUMNS.items()}
