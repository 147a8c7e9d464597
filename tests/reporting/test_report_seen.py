"""The annual report's page before a browser: each part open, on a telephone and on a desk."""

from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page

from services.reporting.editions import write_edition
from tests.people.chromium import chromium
from tests.people.chromium import window as open_window
from tests.people.looking import Looker
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Roles, take
from tests.reporting.test_report import a_year, draw, edition

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
PICTURES: Final = Path(__file__).parents[2] / "build" / "screenshots" / "report"
WIDTHS: Final = (390, 1280)
_OPEN = "all => all.forEach(one => { one.open = true })"
#: Words that stand outside their picture, and tables wider than the frame that they scroll in.
_CUT = """() => [
  ...[...document.querySelectorAll("svg text")].filter(one => {
    const [text, picture] = [one, one.closest("svg")].map(each => each.getBoundingClientRect())
    return text.width && (text.left < picture.left - 1 || text.right > picture.right + 1)
  }),
  ...[...document.querySelectorAll(".scroll")].filter(one => one.scrollWidth > one.clientWidth + 1),
].map(one => one.textContent.trim().slice(0, 60))"""


async def cut(page: Page) -> list[str]:
    """What cannot be read without moving something, at each width."""
    told: list[str] = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        told += [f"{width}: {one}" for one in await page.evaluate(_CUT)]
    return told


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_part_of_the_report_can_be_seen_and_read_aloud(
    roles: Roles, tmp_path: Path, language: str
) -> None:
    await take(roles.work, a_year(2015).events)
    write_edition(
        await draw(roles, edition(year=2015)),
        tmp_path / language,
        language=language,
        sign=lambda _: "signed",
    )
    looker = Looker(PICTURES)
    async with chromium() as browser, open_window(browser, "http://unused") as page:
        await page.goto((tmp_path / language / f"report-{language}.html").as_uri())
        await page.locator("details").evaluate_all(_OPEN)
        assert await page.locator("svg text").count() > 100
        assert await cut(page) == []
        await looker.look(page, f"report-{language}")
        # What the looking would see, if it were so.
        await page.locator("svg text").first.evaluate("one => one.setAttribute('font-size', '300')")
        assert await cut(page) != []
    assert looker.violations == []
    assert looker.overflows == []
