"""Five people in five browsers go the way of one referral, with the keyboard alone."""

from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from playwright.async_api import Page

from tests.ledger import Figure
from tests.parts import Site, site
from tests.people import journey, journey_account, journey_committee, journey_owner
from tests.people.chromium import chromium
from tests.people.looking import AXE, Looker, found, overflowing
from tests.people.untranslated import untranslated_words

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
ROOT = Path(__file__).parents[2]
#: Pieces of pages, that are never shown alone.
PIECES = {
    "layout.html", "parts.html", "left.html", "because.html", "answer.html", "withdrawn.html",
    "board.html", "proof.html", "device.html", "said.html", "own_acts.html",
    "keys_parts.html",
}  # fmt: skip
#: Looked at in the same way in `test_plan_pages.py`.
ELSEWHERE = {"plan.html"}
#: No labels, no language, grey on grey, and a line that does not break.
_CARELESS = """() => {
  document.querySelectorAll("label").forEach(one => one.remove());
  document.documentElement.removeAttribute("lang");
  const heading = document.querySelector("h1");
  Object.assign(heading.style, { color: "#999", background: "#aaa", width: "3000px" });
}"""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Which templates were made into pages while the test ran."""
    names: set[str] = set()
    given = Environment.get_template

    def noted(self: Environment, name: str, *args: Any, **kwargs: Any) -> Any:
        names.add(name)
        return given(self, name, *args, **kwargs)

    monkeypatch.setattr(Environment, "get_template", noted)
    return names


def templates() -> set[str]:
    """Every page that there is to be seen at the one address."""
    folders = [*ROOT.glob("services/*/pages/templates"), ROOT / "chassis" / "web" / "templates"]
    return {path.name for folder in folders for path in folder.glob("*.html")} - PIECES - ELSEWHERE


async def spoilt(page: Page) -> tuple[list[str], list[str]]:
    """The control: what is found on the page for signing in once its makers took no care."""
    await page.goto("/login")
    await page.evaluate(AXE.read_text("utf-8"))
    assert [*await found(page), *await overflowing(page)] == []
    await page.evaluate(_CARELESS)
    return await found(page), await overflowing(page)


@pytest.mark.timeout(600)
async def test_five_people_go_the_whole_way_and_every_page_can_be_seen_and_used(
    site: Site, shown: set[str], figure: Figure
) -> None:
    looker = Looker(ROOT / "build" / "screenshots")
    async with chromium() as browser, journey.five_people(site, browser, looker) as five:
        await journey.come_in(five)
        number = await journey.write_down(five)
        await journey.outlast(five)
        await journey.say_session(five)
        referral = await journey.accept(five)
        await journey.decline(five)
        await journey.care(five, referral)
        await journey_owner.doubt(five, referral)
        await journey_owner.take_back(five)
        await journey.erase(five, referral)
        await journey.end(five, referral)
        steps = await five.steps(number)
        await journey_owner.go_on(five, number)
        await journey.count(five)
        await journey_committee.publish(five)
        await journey_committee.keep(five)
        await journey.write_down_many(five)
        await journey.go_without(five)
        await journey_account.look_after(five)
        await journey_account.try_elsewhere(five)
        await journey_account.help_colleagues(five)
        await journey.leave(five)
        again = await five.steps(number)
        blind, wide = await spoilt(five.people["owner"].page)

    assert steps == [
        ("HEALTH_E", "declined"), ("HEALTH_F", "offered"), ("SHELTER_B", "withdrawn"),
    ]  # fmt: skip
    assert ("SHELTER_B", "confirmed") in again
    assert templates() <= shown
    assert (len(blind) >= 3, wide != []) == (True, True)
    figure("people.axe.violations", len(looker.violations), control=len(blind))
    untranslated = [*untranslated_words(), *five.read.standing]
    assert (looker.overflows, five.unseen, untranslated) == ([], [], [])
    figure("people.untranslated", len(untranslated))
