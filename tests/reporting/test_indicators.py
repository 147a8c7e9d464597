"""Each indicator of domain §6 against the same counted in plain Python from the events."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.inbox import Received
from services.reporting.domain import Window
from services.reporting.store.indicators import (
    INDICATORS,
    Counted,
    Indicator,
    behind,
    by_code,
    counted,
)
from tests.ledger import Figure, Form
from tests.reporting import oracle
from tests.reporting.asked_of_oracle import ASKED
from tests.reporting.happenings import Roles, clear, take
from tests.reporting.lives import a_history, a_window
from tests.reporting.test_rebuild import in_another_order, in_batches
from tests.trust.telling import say

pytestmark = pytest.mark.share("figures")
SEED = 20261128


async def mismatches(
    web: AsyncEngine, events: Sequence[Received], window: Window, *, chance: random.Random
) -> tuple[list[str], Counter[str]]:
    """The indicators and dimensions on which the two do not agree, and how much was counted.

    Of each indicator one dimension: over some histories each has its turn.
    """
    known = oracle.Oracle(events, window)
    found: list[str] = []
    totals: Counter[str] = Counter()
    async with web.connect() as connection:
        for code, indicator in INDICATORS.items():
            expected = [list(question(known)) for question in ASKED[code]]
            whole = await counted(connection, indicator, window)
            values = [whole.value] if whole.out_of is None else [whole.value, whole.out_of]
            totals[code] += whole.value
            if values != [oracle.whole(one) for one in expected]:
                found.append(code)
            dimension = chance.choice(indicator.dimensions)
            given = await by_code(connection, indicator, window, dimension=dimension)
            if not agree(given, indicator, expected, dimension):
                found.append(f"{code} by {dimension}")
    return found, totals


def agree(
    given: Mapping[str, Counted],
    indicator: Indicator,
    expected: Sequence[list[oracle.Item]],
    dimension: str,
) -> bool:
    values, *wholes = [oracle.parts(one, dimension) for one in expected]
    told = {code: (one.value, one.out_of) for code, one in given.items()}
    if indicator.out_of is None:
        return told == {code: (value, None) for code, value in values.items()}
    return told == {code: (values.get(code, 0), whole) for code, whole in wholes[0].items()}


async def of_histories(
    roles: Roles, seeds: Sequence[int]
) -> tuple[dict[int, list[str]], Counter[str]]:
    """By seed, where the two do not agree; each history in another order, in batches, repeated."""
    wrong: dict[int, list[str]] = {}
    totals: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        events = a_history(chance)
        batches = in_batches(in_another_order(events, chance), chance)
        await clear(roles.work)
        await take(roles.work, *batches, batches[0])
        found, counts = await mismatches(roles.web, events, a_window(chance), chance=chance)
        totals += counts
        if found:
            wrong[seed] = found
    return wrong, totals


# Five thousand histories take longer than five minutes where something else runs as well.
@pytest.mark.timeout(2_400)
async def test_every_indicator_agrees_with_the_events_in_plain_python(
    roles: Roles, form: Form, figure: Figure
) -> None:
    seeds = range(SEED, SEED + form.pick(short=200, long=5_000))

    wrong, totals = await of_histories(roles, seeds)

    say(f"seed {SEED}; counted {dict(totals)}; {dict(list(wrong.items())[:5])}")
    assert set(totals) == set(INDICATORS)
    figure("figures.oracle.histories", len(seeds), seed=SEED)
    figure("figures.oracle.mismatch", sum(map(len, wrong.values())), seed=SEED)


async def test_what_is_behind_a_figure_is_events_that_happened(roles: Roles) -> None:
    chance = random.Random(SEED)
    events = a_history(chance)
    await take(roles.work, events)
    window = Window(start=date(2026, 1, 1), end=date(2028, 1, 1), as_of=a_window(chance).as_of)
    happened = {one.envelope.id for one in events}
    async with roles.web.connect() as connection:
        for indicator in INDICATORS.values():
            ids = await behind(connection, indicator, window)
            value = (await counted(connection, indicator, window)).value
            assert happened.issuperset(ids)
            assert bool(ids) == bool(value)
