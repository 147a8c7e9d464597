"""Outages planted in a running platform: the alert's page in the runbook leads to each one's cause."""

import asyncio
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from contracts.vocabulary import codes
from tests.journeys.road import running_road
from tests.ledger import Figure
from tests.operators.outages import OUTAGES, OWNER, PARTNER, SEED, Outage, World
from tests.operators.runbook import RUNBOOK, Page, Place, Runbook, asked, read_runbook
from tests.operators.test_failures import Forcing, all_answer, discard, is_quiet
from tests.operators.watch import watching
from tests.trust.faults import need
from tests.trust.poisoner import poisoner
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("operators"), pytest.mark.timeout(1800)]
#: From the alert to the cause.
SECONDS = 120


async def seconds_to_find(
    outage: Outage, world: World, runbook: Runbook, forcing: Forcing
) -> float | None:
    """From the alert until the page's commands, typed again and again, point to its cause alone.

    None: not within the time. The alert wakes nobody before it has held for its time (`for`), which is
    not waited for.
    """
    alert, labels = outage.alert[0], outage.labels
    page = runbook.pages[alert]
    before = await asyncio.to_thread(asked, runbook, alert, labels, world.place)
    assert not is_found(outage, page, before), before
    async with outage.plant(world):
        view = await forcing.until(lambda view: outage.alert in view.alerts, within=180)
        assert outage.alert in view.alerts, sorted(view.alerts)
        told, began = "", monotonic()
        while monotonic() - began < SECONDS:
            told = await asyncio.to_thread(asked, runbook, alert, labels, world.place)
            if is_found(outage, page, told):
                return monotonic() - began
    say(told)
    return None


def is_found(outage: Outage, page: Page, told: str) -> bool:
    """Whether what the commands told points to its cause, and to no other."""
    (*causes,) = page.shown_by(told, outage.labels)
    return len(causes) == 1 and outage.cause in causes[0]


@pytest.mark.parametrize("alert", ["SirabaDeadRequest", "SirabaPartnerTurnedDown"])
def test_every_reason_of_a_rejection_is_a_sign_on_the_page_of_whoever_is_told_of_it(
    alert: str,
) -> None:
    """But for the sum of those that nobody was told of one by one, which is no dead letter."""
    page = read_runbook(RUNBOOK.read_text("utf-8")).pages[alert]
    reasons = set(codes("rejection_reason")) - {"too_many"}
    assert page.commands
    assert sorted(reason for reason in reasons if len(page.shown_by(reason, {})) != 1) == []


@pytest.mark.long
async def test_the_runbook_leads_to_the_cause_of_every_planted_outage(
    tmp_path: Path, figure: Figure
) -> None:
    need("prometheus")
    runbook, random = read_runbook(RUNBOOK.read_text("utf-8")), Random(SEED)
    taken: dict[str, float | None] = {}
    async with running_road((OWNER, PARTNER)) as road, poisoner(road, random) as hostile:
        with watching(road.platform, tmp_path / "watch") as watch:
            place = Place(road.platform.state.root, watch.told, runbook.beginning)
            world = World(road, hostile, random, place)
            forcing = Forcing(road, hostile, watch)
            for name, outage in OUTAGES.items():
                assert is_quiet(await forcing.until(is_quiet, within=120)), name
                taken[name] = await seconds_to_find(outage, world, runbook, forcing)
                say(f"{name}: {taken[name]}")
                await forcing.until(all_answer, within=120)
                await discard(road)
    found = [one for one in taken.values() if one is not None]
    assert len(taken) >= 10
    figure("operators.runbook.missed", len(taken) - len(found), seed=SEED)
    figure("operators.runbook.seconds_max", max(found), seed=SEED)
