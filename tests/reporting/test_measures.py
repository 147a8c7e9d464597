"""Sums, medians and rates against the same in plain Python, and as a data officer asks for them."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store.indicators.defined import Measure
from services.reporting.store.indicators.measures import MEASURES
from services.reporting.store.measuring import Measured, behind, by_code, measured
from tests.ledger import Form
from tests.reporting.happenings import Happenings, Roles, clear, take
from tests.reporting.lives import a_history, a_window
from tests.reporting.oracle import Oracle
from tests.reporting.oracle_of_measures import MEASURED, expected
from tests.reporting.test_api import SECRET_WORD, bearer, client
from tests.reporting.test_rebuild import in_another_order, in_batches
from tests.trust.telling import say

__all__ = ["client"]
pytestmark = pytest.mark.share("figures")
SEED = 20261129
AUTUMN = {"from": "2026-11-01", "to": "2026-12-01"}


def told(one: Measured, measure: Measure) -> tuple[int | None, ...]:
    """As the oracle tells it."""
    return (one.value, one.over) if measure.out_of is None else (one.value, one.over, one.out_of)


async def wrong_parts(
    connection: AsyncConnection, oracle: Oracle, window: Window, *, chance: random.Random
) -> list[str]:
    """The measures on which the two do not agree, each with one of its dimensions."""
    found = []
    for code, measure in MEASURES.items():
        by = chance.choice(measure.dimensions)
        whole, parts = expected(oracle, code, how=measure.how, dimension=by)
        if told(await measured(connection, measure, window), measure) != whole:
            found.append(code)
        given = await by_code(connection, measure, window, dimension=by)
        if {part: told(one, measure) for part, one in given.items()} != parts:
            found.append(f"{code} by {by}")
    return found


async def of_histories(
    roles: Roles, seeds: Sequence[int]
) -> tuple[dict[int, list[str]], Counter[str]]:
    """By seed, where the two do not agree; and how often each measured anything."""
    wrong: dict[int, list[str]] = {}
    seen: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        events = a_history(chance)
        await clear(roles.work)
        await take(roles.work, *in_batches(in_another_order(events, chance), chance))
        window = a_window(chance)
        known = Oracle(events, window)
        seen += Counter(code for code in MEASURED if list(MEASURED[code][0](known)))
        async with roles.web.connect() as connection:
            found = await wrong_parts(connection, known, window, chance=chance)
        if found:
            wrong[seed] = found
    return wrong, seen


@pytest.mark.timeout(300)
async def test_every_measure_agrees_with_the_events_in_plain_python(
    roles: Roles, form: Form
) -> None:
    wrong, seen = await of_histories(roles, range(SEED, SEED + form.pick(short=90, long=2_000)))

    say(f"seed {SEED}; measured {dict(seen)}; {dict(list(wrong.items())[:5])}")
    assert not wrong
    assert set(seen) == set(MEASURES) == set(MEASURED)


async def test_what_is_behind_a_measure_is_events_that_happened(roles: Roles) -> None:
    chance = random.Random(SEED)
    events = a_history(chance)
    await take(roles.work, events)
    window = a_window(chance)
    happened = {one.envelope.id for one in events}
    async with roles.web.connect() as connection:
        for measure in MEASURES.values():
            ids = await behind(connection, measure, window)
            over = (await measured(connection, measure, window)).over
            assert happened.issuperset(ids)
            assert bool(ids) == bool(over)


async def test_a_median_of_nothing_is_none_and_a_sum_of_nothing_is_nought(
    client: httpx.AsyncClient,
) -> None:
    officer = bearer(role="data_officer")
    asked = {"from": "2020-01-01", "to": "2021-01-01"}
    for code, value in (("R4D", None), ("J7A", 0)):
        shown = (await client.get(f"/measures/{code}", params=asked, headers=officer)).json()

        assert shown["whole"] == {"value": value, "over": 0, "out_of": None}


async def test_a_window_of_all_time_is_no_fault(client: httpx.AsyncClient, roles: Roles) -> None:
    full = Happenings()
    full.has_places("ONG_ABRI", 10_000_000, minutes=1)
    full.offered(9, 1, minutes=2)
    full.stepped(9, 1, "started", minutes=3)
    await take(roles.work, full.events)
    officer = bearer(role="data_officer")
    for code in MEASURES:
        for start in ("0001-01-01", "9999-12-30"):
            asked = {"from": start, "to": "9999-12-31"}
            answer = await client.get(f"/measures/{code}", params=asked, headers=officer)

            assert answer.status_code == 200, code


async def test_a_rate_is_told_with_what_it_is_out_of_and_the_events_behind_it(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    identified = Happenings()
    identified.registered(9, victim_status="identified", region="09")
    await take(roles.work, identified.events)
    asked = AUTUMN | {"by": "region"}
    answer = await client.get("/measures/V4", params=asked, headers=bearer(role="data_officer"))
    shown = answer.json()

    assert shown["meaning"]["times"] == 100_000
    assert shown["whole"]["value"] == 1
    assert shown["parts"]["09"]["out_of"] == round(100_358 * 1.033**4)
    assert len(shown["events"]) == 1


async def test_every_measure_says_what_it_is_to_whoever_sees_figures(
    client: httpx.AsyncClient,
) -> None:
    shown = (await client.get("/measures", headers=bearer())).json()

    assert [one["code"] for one in shown] == list(MEASURES)
    assert all(one["meaning"] and one["unit"] and one["source"] for one in shown)


async def test_values_are_for_data_officers_and_unknown_names_are_refused(
    client: httpx.AsyncClient,
) -> None:
    officer = bearer(role="data_officer")
    analyst = await client.get("/measures/V4", headers=bearer(role="analyst"))
    unknown = await client.get(f"/measures/{SECRET_WORD}", headers=officer)
    divided = await client.get("/measures/V4", params={"by": SECRET_WORD}, headers=officer)

    assert (analyst.status_code, analyst.json()["code"]) == (403, "role_forbidden")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_measure")
    wrong = {"field": "code", "rule": "unknown_measure", "place": "path", "allowed": [*MEASURES]}
    assert unknown.json()["errors"] == [wrong]
    assert divided.json()["errors"][0]["allowed"] == ["region"]
    assert SECRET_WORD not in unknown.text + divided.text


async def test_the_oracle_sees_when_what_came_later_counts(
    roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: one that lets what came after its moment count is found out."""
    awarded = MEASURES["J7A"]
    later = awarded.measured.replace("facts_judgments where at < :as_of", "facts_judgments")
    assert later != awarded.measured
    monkeypatch.setitem(MEASURES, "J7A", replace(awarded, measured=later))

    wrong, _ = await of_histories(roles, range(SEED, SEED + 20))

    assert {one.partition(" ")[0] for found in wrong.values() for one in found} == {"J7A"}
