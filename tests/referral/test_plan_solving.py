"""A plan may take long to solve: nobody waits for that, and what changes meanwhile is in it."""

import asyncio

import pytest

from tests.referral.offices import Office
from tests.referral.solving import Slow, leave, while_solved
from tests.referral.test_planning import plan_of

pytestmark = pytest.mark.share("lifecycle")
OPEN_TRANSACTIONS = """
    select count(*) from pg_stat_activity where datname = current_database()
        and pid <> pg_backend_pid() and xact_start is not null
"""


async def test_while_a_plan_is_solved_no_transaction_is_open_and_nobody_else_solves_it(
    office: Office,
) -> None:
    solver = Slow()
    async with while_solved(office, solver):
        assert await office.rows(OPEN_TRANSACTIONS) == [(0,)]
        assert await asyncio.wait_for(office.timekeeper().once(), 5) == 0

    assert len((await plan_of(office))["placed"]) == 3
    assert solver.solved == 1


async def test_who_leaves_while_a_plan_is_solved_is_not_in_it(office: Office) -> None:
    solver = Slow()
    async with while_solved(office, solver) as cases:
        await asyncio.wait_for(leave(office, cases[0]), 5)

    placed = (await plan_of(office))["placed"]
    assert {one["member"] for one in placed} == {str(one) for one in cases[1:]}
    assert solver.solved == 2
    assert await office.timekeeper().once() == 0


async def test_what_died_while_it_solved_a_plan_is_waited_for_no_longer_than_a_minute(
    office: Office,
) -> None:
    solver = Slow()
    async with while_solved(office, solver):
        await office.run("update timers set due_at = due_at - interval '1 min'")
        assert await office.timekeeper().once() == 1
        first = await plan_of(office)

    assert await plan_of(office) == first
    assert await office.rows("select version from groups") == [(1,)]
