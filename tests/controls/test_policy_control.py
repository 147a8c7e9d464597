"""That the property test of the policy would find a hole: the same questions, wrong rules."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import Random

import pytest

from contracts.policy import Cell, Cut, Fallout, Policy, Reader, Record, may_know, the_policy
from tests.controls.open_policy import everything
from tests.trust.disclosures import Judge, misjudged_withdrawals, random_question, violations

pytestmark = pytest.mark.share("sealed")


def shelter_learns_of_suspects() -> Policy:
    ours = the_policy()
    row = {**ours.matrix["shelter"], "G4": Cell(access="covered")}
    return replace(ours, matrix={**ours.matrix, "shelter": row})


def police_reads_the_whole_medical_file() -> Policy:
    ours = the_policy()
    row = {**ours.matrix["police"], "G5": Cell(access="covered")}
    return replace(ours, matrix={**ours.matrix, "police": row})


def a_closed_referral_still_tells() -> Policy:
    ours = the_policy()
    return replace(ours, stages={**ours.stages, "closed": ours.stages["accepted"]})


def a_life_in_danger_opens_everything() -> Policy:
    ours = the_policy()
    rules = [replace(rule, groups=frozenset({"*"})) for rule in ours.ground_rules]
    return replace(ours, ground_rules=tuple(rules))


@pytest.mark.parametrize(
    "weakened",
    [
        everything,
        shelter_learns_of_suspects,
        police_reads_the_whole_medical_file,
        a_closed_referral_still_tells,
        a_life_in_danger_opens_everything,
    ],
    ids=lambda weakened: weakened.__name__,
)
def test_a_weaker_policy_is_found(weakened: Callable[[], Policy]) -> None:
    rng, policy = Random(1), weakened()

    found = [
        wrong for _ in range(2_000) for wrong in violations(random_question(rng), policy.may_know)
    ]

    assert found


def takes_all(told: Cut, reader: Reader, record: Record, at: datetime) -> Fallout:
    return Fallout(lost=frozenset(told.groups), kept=told.without(told.groups))


def takes_nothing(told: Cut, reader: Reader, record: Record, at: datetime) -> Fallout:
    return Fallout(lost=frozenset(), kept=told)


def forgets_other_grounds(told: Cut, reader: Reader, record: Record, at: datetime) -> Fallout:
    rested = {group for group, one in told.groups.items() if "consent" in one.grounds}
    return Fallout(lost=frozenset(rested), kept=told.without(rested))


@pytest.mark.parametrize(
    "judge", [takes_all, takes_nothing, forgets_other_grounds], ids=lambda judge: judge.__name__
)
def test_a_withdrawal_that_takes_too_much_or_too_little_is_found(judge: Judge) -> None:
    rng = Random(1)

    assert any(
        list(misjudged_withdrawals(random_question(rng), may_know, judge)) for _ in range(2_000)
    )
