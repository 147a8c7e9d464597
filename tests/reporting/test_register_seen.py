"""The register and its form before a browser: nothing that axe finds, nothing wider than a telephone."""

from pathlib import Path

import httpx
import pytest

from tests.people.chromium import PHONE, chromium
from tests.people.chromium import window as open_window
from tests.people.looking import Looker
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Roles, take
from tests.reporting.test_exports_api import EARLY, some_girls
from tests.reporting.test_publications import Desk, desk
from tests.reporting.test_register import a_link, clock, enter, publish, window
from tests.reporting.test_report import draw, edition
from tests.serving import serving

__all__ = ["clock", "desk", "one_database", "window"]
pytestmark = pytest.mark.share("figures")
PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "register"


async def test_the_register_and_its_form_can_be_seen_and_used(
    window: httpx.AsyncClient, desk: Desk, roles: Roles
) -> None:
    await take(roles.work, some_girls(40, year=2019, late=20).events)
    for which in (
        edition(year=2019, as_of=EARLY),
        edition(year=2019),
        edition("internal", year=2019),
    ):
        await draw(roles, which)
    await desk.work("fr")
    await enter(window)
    await publish(window, year="2002")
    await desk.work()  # refused: nothing is counted in that year
    await publish(window, year="2018")  # waits
    looker = Looker(PICTURES)
    transport = window._transport
    assert isinstance(transport, httpx.ASGITransport)
    async with (
        chromium() as browser,
        serving(transport.app) as base,
        open_window(browser, base, PHONE) as page,
    ):
        await page.goto(f"/reporting/enter?token={a_link()}")
        for path in ("register?asked=true", "register/new"):
            await page.goto(f"/reporting/{path}")
            await looker.look(page, path.partition("?")[0].replace("/", "-"))
        await page.locator("[name=audience]").evaluate_all("all => all.map(one => one.remove())")
        await page.locator('form[action="/reporting/register"] button').click()
        await page.locator("[role=alert]").wait_for()
        await looker.look(page, "register-fault")
    assert looker.violations == []
    assert looker.overflows == []
