"""A solver that is not told who belongs together parts families, and the checker sees it."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from services.referral.domain.placement import Program, Solution, explain, programs_of
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.use_cases import planning
from services.referral.use_cases.placing import place_group
from tests.referral.crowd import crowd
from tests.referral.offices import open_office
from tests.referral.placed import broken, placings
from tests.referral.solving import Slow, leave, while_solved
from tests.referral.test_planning import plan_of
from tests.servers import Database

pytestmark = pytest.mark.share("lifecycle")


class Careless:
    """Sees rooms twice as large as they are."""

    def solve(self, program: Program) -> Solution:
        rooms = tuple(replace(room, left=room.left * 2) for room in program.rooms)
        return HighsSolver().solve(replace(program, rooms=rooms))


def test_without_the_family_rule_families_are_separated() -> None:
    group = crowd(Random(7), persons=150, organisations=20)
    families = frozenset(one.family for one in group.members if one.family is not None)
    parted = replace(group, wishes=replace(group.wishes, parted=families))

    kept = place_group(group, solver=HighsSolver())
    scattered = place_group(parted, solver=HighsSolver())

    assert broken(group, placings(kept)) == []
    assert {complaint.split()[0] for complaint in broken(group, placings(scattered))} == {"family"}


def test_a_solver_that_overfills_houses_is_not_believed_and_would_be_seen() -> None:
    group = crowd(Random(7), persons=150, organisations=20)
    believed = [(one, Careless().solve(one)) for one in programs_of(group)]

    assert broken(group, placings(place_group(group, solver=Careless()))) == []
    complaints = broken(group, placings(explain(group, believed)))
    assert {complaint.split()[0] for complaint in complaints} == {"places"}


def test_without_the_rule_of_a_roof_of_ones_own_suspects_sleep_among_victims() -> None:
    group = crowd(Random(7), persons=150, organisations=20)
    trusted = tuple(replace(member, is_suspected=False) for member in group.members)

    plan = place_group(replace(group, members=trusted), solver=HighsSolver())

    assert {complaint.split()[0] for complaint in broken(group, placings(plan))} == {"apart"}


async def test_without_the_second_look_who_left_while_a_plan_was_solved_is_in_it(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unseen(*_: Any, **__: Any) -> bool:
        return True

    monkeypatch.setattr(planning, "is_unchanged", unseen)
    async with open_office(fresh_database) as office:
        solver = Slow()
        async with while_solved(office, solver) as cases:
            await leave(office, cases[0])
        placed = (await plan_of(office))["placed"]

    assert str(cases[0]) in {one["member"] for one in placed}
