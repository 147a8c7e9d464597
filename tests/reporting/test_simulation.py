"""The synthetic decade: the same again from its seed, words that partners could have said, at speed."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice, pairwise
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.cases import CaseClosed
from contracts.intake import CaseRegistered
from contracts.referral import ProceedingOpened, SuspectRecorded
from contracts.sessions import SessionRecorded
from deploy.directory import load_directory
from deploy.settings import PlatformSettings
from deploy.simulation.decade import STREAM, Plan, a_decade
from services.reporting.domain import Window
from services.reporting.store.indicators import INDICATORS, counted
from services.reporting.store.indicators.measures import MEASURES
from services.reporting.store.measuring import measured
from services.reporting.use_cases import (
    Happened,
    SomebodyIsCounted,
    inventing,
    take_events,
    take_invented,
)
from tests.ledger import Figure
from tests.reporting.happenings import Happenings, Roles, clear, take
from tests.trust.telling import say

pytestmark = pytest.mark.share("figures")
SEED = 20261128
DECADE = Window(
    start=date(2016, 1, 1), end=date(2026, 1, 1), as_of=datetime(2026, 4, 1, tzinfo=UTC)
)
#: What a consumer is handed at most, in one transaction each.
BATCH = 1_000


@pytest.fixture(scope="module")
def plan() -> Plan:
    shipped = PlatformSettings.model_fields["directory_file"].default
    assert isinstance(shipped, Path)
    directory = load_directory(shipped)
    return Plan(first=2016, last=2025, cases=3_000, seed=SEED, directory=directory)


@pytest.fixture(scope="module")
def decade(plan: Plan) -> list[Happened]:
    return list(a_decade(plan))


def test_the_same_seed_makes_the_same_years_and_another_others(plan: Plan) -> None:
    small = replace(plan, cases=40)

    assert list(a_decade(small)) == list(a_decade(small))
    assert list(a_decade(replace(small, seed=SEED + 1))) != list(a_decade(small))


def test_events_come_in_the_order_of_their_moments_and_each_subject_counts_its_own(
    decade: Sequence[Happened],
) -> None:
    numbers = defaultdict(list)
    for one in decade:
        numbers[one.subject].append(one.case_sequence)

    assert all(one.recorded_at <= next_.recorded_at for one, next_ in pairwise(decade))
    assert [one.stream_sequence for one in decade] == list(range(1, len(decade) + 1))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert len({one.event_id for one in decade}) == len(decade)


def test_every_word_is_one_that_the_contracts_know(decade: Sequence[Happened]) -> None:
    for one in decade:
        assert type(one.event).model_validate_json(one.event.encode()) == one.event


def test_who_is_found_is_who_was_published_of_2024(decade: Sequence[Happened]) -> None:
    cases = [one.event for one in decade if isinstance(one.event, CaseRegistered)]
    victims = [one for one in cases if one.offence_class != "migrant_smuggling"]
    files = sum(isinstance(one.event, ProceedingOpened) for one in decade)
    suspects = {one.event.suspect_id for one in decade if isinstance(one.event, SuspectRecorded)}

    assert len(victims) / len(cases) == pytest.approx(629 / 1451, rel=0.1)
    children = sum(one.is_child for one in victims)
    assert children / len(victims) == pytest.approx(337 / 629, rel=0.1)
    assert files / len(victims) == pytest.approx(93 / 629, rel=0.2)
    assert len(suspects) / files == pytest.approx(430 / 93, rel=0.2)
    found = Counter(one.detected_on.year for one in cases)
    assert set(found) == {*range(2016, 2026)}


def test_who_is_not_from_mali_goes_home_more_often(decade: Sequence[Happened]) -> None:
    malian = {
        one.subject: "MLI" in one.event.citizenship
        for one in decade
        if isinstance(one.event, CaseRegistered)
    }
    closed = [
        (one.subject, one.event.reason) for one in decade if isinstance(one.event, CaseClosed)
    ]
    home = Counter(malian[subject] for subject, reason in closed if reason == "repatriated")

    assert len(closed) > len(malian) / 4
    assert home[False] > home[True] > 0


async def test_sessions_are_held_and_those_told_twice_count_once(
    roles: Roles, decade: Sequence[Happened]
) -> None:
    held = [one for one in decade if isinstance(one.event, SessionRecorded)]
    sessions = sum(
        one.event.calls is None for one in held if isinstance(one.event, SessionRecorded)
    )
    await take_invented(roles.work, held)
    async with roles.web.connect() as connection:
        found = {
            code: (await measured(connection, MEASURES[code], DECADE)).value or 0
            for code in ("P1S", "P1", "P1R", "P2", "P3")
        }

    assert 0.9 * sessions < found["P1S"] < sessions
    assert all(found.values())


async def test_who_was_followed_up_and_who_went_home_can_be_counted(
    roles: Roles, decade: Sequence[Happened]
) -> None:
    await take_invented(roles.work, decade)
    async with roles.web.connect() as connection:
        found = {code: await counted(connection, INDICATORS[code], DECADE) for code in ("A4", "A5")}

    assert found["A4"].value > 20
    assert 0 < found["A5"].value < (found["A5"].out_of or 0)


async def test_a_history_that_was_invented_is_counted_whole_or_not_at_all(
    roles: Roles, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventing, "BATCH", 50)
    few = list(a_decade(replace(plan, cases=60)))

    def broken() -> Iterator[Happened]:
        yield from few[:-1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await take_invented(roles.work, broken())
    assert await persons(roles.web) == 0
    assert await take_invented(roles.work, few) == len(few)
    assert 0 < await persons(roles.web) < 60


async def test_nothing_is_invented_where_somebody_is_counted(roles: Roles, plan: Plan) -> None:
    real = Happenings()
    real.registered(1)
    await take(roles.work, real.events)

    with pytest.raises(SomebodyIsCounted):
        await take_invented(roles.work, a_decade(replace(plan, cases=10)))
    window = replace(DECADE, end=date(2027, 1, 1), as_of=datetime(2027, 1, 1, tzinfo=UTC))
    assert await persons(roles.web, window) == 1


async def persons(web: AsyncEngine, window: Window = DECADE) -> int:
    async with web.connect() as connection:
        return (await counted(connection, INDICATORS["V1"], window)).value


async def seconds_to_take(work: AsyncEngine, events: Sequence[Happened]) -> float:
    """From nothing to all of them, in a consumer's batches."""
    await clear(work)
    begun = time.monotonic()
    for first in range(0, len(events), BATCH):
        async with work.begin() as connection:
            await take_events(connection, events[first : first + BATCH])
    return time.monotonic() - begun


async def test_facts_are_made_faster_than_they_can_happen(
    roles: Roles, decade: Sequence[Happened], figure: Figure
) -> None:
    seconds = min([await seconds_to_take(roles.work, decade) for _ in range(2)])

    figure("figures.projection.events_per_s", round(len(decade) / seconds), seed=SEED)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_facts_are_made_as_fast_of_a_million_events_as_of_few(
    roles: Roles, plan: Plan, figure: Figure
) -> None:
    million = list(islice(a_decade(replace(plan, cases=115_000)), 1_000_000))
    rates = {}
    for size in (10_000, 100_000, 1_000_000):
        # The better of two: what else this machine does is none of theirs.
        seconds = min([await seconds_to_take(roles.work, million[:size]) for _ in range(2)])
        rates[size] = size / seconds

    say(f"events/s by size: { {size: round(rate) for size, rate in rates.items()} }")
    assert len(million) == 1_000_000
    assert {one.stream for one in million} == {STREAM}
    figure("figures.rebuild.growth_ratio", round(rates[10_000] / rates[1_000_000], 2), seed=SEED)
