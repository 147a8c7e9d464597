"""Five hundred persons and forty organisations, placed in one go."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from random import Random
from time import process_time

import pytest

from services.referral.domain.placement import Group, Plan
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.use_cases.placing import place_group
from tests.ledger import Figure, Form
from tests.referral.crowd import crowd
from tests.referral.placed import Placing, broken, hurried, placings

pytestmark = pytest.mark.share("lifecycle")
SEED = 20250226  # the night of the 477 (domain §1.3)


def test_a_crowd_is_placed_in_two_seconds_within_a_hundredth_of_the_best(
    figure: Figure, form: Form
) -> None:
    """Worst of several crowds; processor time of a process that has done nothing else, as a service's."""
    worst = {"seconds": 0.0, "gap": 0.0, "hurried_seconds": 0.0, "hurried_gap": 0.0}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        for at in range(form.pick(short=2, long=12)):
            group = crowd(Random(SEED + at), persons=500, organisations=40)
            plan, seconds = apart.submit(_measured, group).result()
            quick, spent = apart.submit(_hurried, group).result()
            ours = len(plan.placed)

            assert broken(group, placings(plan)) == broken(group, quick) == []
            assert_everybody_is_answered(group, plan)
            assert len(quick) <= ours
            worst["seconds"] = max(worst["seconds"], seconds)
            worst["gap"] = max(worst["gap"], plan.gap)
            worst["hurried_seconds"] = max(worst["hurried_seconds"], spent)
            worst["hurried_gap"] = max(worst["hurried_gap"], (ours - len(quick)) / ours)
    figure(
        "lifecycle.placement500.seconds",
        round(worst["seconds"], 2),
        control=round(worst["hurried_seconds"], 2),
        seed=SEED,
    )
    figure(
        "lifecycle.placement500.gap",
        round(worst["gap"], 5),
        control=round(worst["hurried_gap"], 3),
        seed=SEED,
    )


def assert_everybody_is_answered(group: Group, plan: Plan) -> None:
    """Each need of each person once, with a place or with what binds."""
    asked = {(member.key, service) for member in group.members for service in member.needs}
    told = Counter(
        [(one.member, one.service) for one in plan.placed]
        + [(one.member, one.service) for one in plan.unplaced]
    )

    assert set(told) >= asked
    assert set(told.values()) == {1}
    assert all(one.binding for one in plan.unplaced)


def _measured(group: Group) -> tuple[Plan, float]:
    """The least of up to eight runs: other work on the machine disturbs some, and none helps."""
    least, plan = float("inf"), None
    for _ in range(8):
        began = process_time()
        plan = place_group(group, solver=HighsSolver(seconds=60))
        spent = process_time() - began
        least = min(least, spent)
        if least < 1.5:
            break
    assert plan is not None
    return plan, least


def _hurried(group: Group) -> tuple[list[Placing], float]:
    began = process_time()
    quick = hurried(group)
    return quick, process_time() - began


def test_every_rule_has_work_to_do_in_the_crowd() -> None:
    """A crowd in which a rule excludes nobody would prove nothing about it."""
    group = crowd(Random(SEED), persons=500, organisations=40)
    placed = [
        (member.key, service, house.code)
        for member in group.members
        for service in member.needs
        for house in group.houses
    ]
    rules = {complaint.split()[0] for complaint in broken(group, placed)}

    assert rules >= {"service", "zone", "profile", "consent", "refused", "safety", "places"}
    assert rules >= {"apart"}
    random = Random(SEED)
    scattered = [(key, "shelter", random.choice(group.houses).code) for key, _, _ in placed]
    assert any(complaint.startswith("family") for complaint in broken(group, set(scattered)))


def test_the_same_group_is_always_placed_in_the_same_way() -> None:
    group = crowd(Random(SEED), persons=120, organisations=20)
    mixed = replace(
        group,
        members=tuple(Random(1).sample(group.members, len(group.members))),
        houses=tuple(Random(2).sample(group.houses, len(group.houses))),
    )

    assert place_group(group, solver=HighsSolver()) == place_group(mixed, solver=HighsSolver())


def test_what_was_stopped_early_breaks_no_rule_leaves_no_place_free_and_says_how_far_it_may_be() -> (
    None
):
    group = crowd(Random(SEED), persons=500, organisations=40)
    plan = place_group(group, solver=HighsSolver(seconds=0.1))

    assert broken(group, placings(plan)) == []
    assert plan.gap > 0
    assert_everybody_is_answered(group, plan)
