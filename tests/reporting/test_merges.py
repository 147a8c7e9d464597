from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.reporting.use_cases import Figures, count_figures
from tests.reporting.happenings import DAWN, Happenings, Roles, take
from tests.reporting.test_figures import AUTUMN

pytestmark = pytest.mark.share("sealed")


def registered_twice(**facts: Any) -> Happenings:
    """One girl in two cases, each with an offer of shelter; legal aid has nobody in either."""
    happened = Happenings()
    happened.registered(1)
    happened.registered(2, **facts)
    for case in (1, 2):
        happened.offered(case, case, minutes=case)
        happened.unplaced(case, minutes=3)
    happened.merged(2, 1, minutes=10)
    return happened


async def count(roles: Roles, happened: Happenings, *, minutes: float = 1000) -> Figures:
    await take(roles.work, happened.events)
    window = replace(AUTUMN, as_of=DAWN + timedelta(minutes=minutes))
    return await count_figures(roles.web, window, step=1)


def persons(figures: Figures) -> tuple[int, int, int]:
    """(detected, referred, services unplaced): what is counted by person."""
    return figures.victims_detected, figures.victims_referred, figures.services_unplaced


async def test_merged_cases_are_one_person_whose_referrals_all_count(roles: Roles) -> None:
    counted = await count(roles, registered_twice())

    assert persons(counted) == (1, 1, 1)
    assert counted.referrals_by_state["offered"] == 2


async def test_a_figure_from_before_the_merge_is_as_it_was(roles: Roles) -> None:
    assert persons(await count(roles, registered_twice(), minutes=10)) == (2, 2, 2)


async def test_an_unmerge_brings_both_back_and_the_last_word_of_a_case_counts(
    roles: Roles,
) -> None:
    happened = registered_twice()
    happened.merged(2, None, minutes=20)
    happened.merged(2, 1, minutes=30)
    happened.merged(2, None, minutes=40)

    assert persons(await count(roles, happened, minutes=35)) == (1, 1, 1)
    assert persons(await count(roles, happened)) == (2, 2, 2)


async def test_the_case_that_is_merged_into_says_what_the_person_is(roles: Roles) -> None:
    counted = await count(roles, registered_twice(offence_class="migrant_smuggling"))

    assert persons(counted) == (1, 1, 1)
    assert counted.referrals_by_state["offered"] == 2


async def test_a_person_whose_case_is_still_on_the_way_waits_for_it(roles: Roles) -> None:
    happened = Happenings()
    happened.registered(2)
    happened.merged(2, 1, minutes=10)
    before = await count(roles, happened)
    happened.registered(1)

    assert (before.victims_detected, (await count(roles, happened)).victims_detected) == (0, 1)


async def test_a_case_registered_in_error_is_nobody_once_that_was_said(roles: Roles) -> None:
    happened = registered_twice()
    happened.merged(2, None, minutes=20)
    happened.erased(2, reason="registered_in_error", minutes=30)
    happened.erased(1, reason="person_asks", minutes=31)

    assert persons(await count(roles, happened, minutes=30)) == (2, 2, 2)
    assert persons(await count(roles, happened)) == (1, 1, 1)
