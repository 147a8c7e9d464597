"""The pages over 20 kbit/s, 800 ms and three packets in ten lost: light, soon there, sent once."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page

from tests.ledger import Figure, Form
from tests.parts import Site, site, until
from tests.people.address import Address, open_address
from tests.people.bad_road import again
from tests.people.chromium import PHONE, chromium, window
from tests.people.journey import DIRECTORY, GIRL
from tests.people.mishaps import has_come
from tests.people.persons import SCREENS, Person
from tests.people.slow_line import BAD, GOOD, WORSE, SlowLine
from tests.people.test_cut_browsers import STEPS, button_to, cases, cookies_of
from tests.serving import serving

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
SEED: Final = 28
#: Milliseconds that a person waits for a page here.
PATIENCE: Final = 120_000
MOST_REQUESTS: Final = 5
#: Bytes: half of what such a line carries in ten seconds.
HEAVIEST: Final = 12_500
#: The same for a page that is packed: a screen of the form is four times as much as it is.
LIGHTEST: Final = 5_000
_IS_PAINTED: Final = "() => performance.getEntriesByName('first-contentful-paint').length"
#: Since the address was entered: the style is there, and so are all the fields.
_USABLE: Final = """() => Math.max(
  performance.getEntriesByName("first-contentful-paint")[0].startTime,
  performance.getEntriesByType("navigation")[0].domInteractive)"""


@asynccontextmanager
async def far_away(site: Site) -> AsyncIterator[tuple[Address, str, SlowLine]]:
    """The platform; its address nearby, and the line to it."""
    async with (
        open_address(site, *DIRECTORY) as address,
        serving(address.front) as base,
        SlowLine(int(base.rpartition(":")[2]), random.Random(SEED)) as line,
    ):
        yield address, base, line


async def first_page(browser: Browser, base: str) -> tuple[float, int, int]:
    """Somebody's very first page: seconds until it can be used, bytes on the line, requests."""
    async with window(browser, base, PHONE) as page:
        page.set_default_timeout(PATIENCE)
        sizes = await weighed(page)
        await page.goto("/", wait_until="domcontentloaded")
        await page.locator("[name=login]").fill("m.keita")
        await page.wait_for_function(_IS_PAINTED)
        seconds: float = await page.evaluate(_USABLE)
        await page.wait_for_load_state("load")
        return seconds / 1000, sum(sizes), len(sizes)


async def weighed(page: Page) -> list[int]:
    """The bytes of each answer to this page as they come in, packed and with their heads."""
    sizes: list[int] = []
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")

    def note(event: Any) -> None:
        sizes.append(int(event["encodedDataLength"]))

    session.on("Network.loadingFinished", note)
    return sizes


async def light_page(page: Page) -> int:
    """A screen of the form that a link leads to: its bytes on the line, the style being there."""
    await page.goto("/intake/")
    sizes = await weighed(page)
    async with page.expect_navigation():
        await page.locator('nav a[href="/intake/new"]').click()
    await page.wait_for_load_state("load")
    return sum(sizes)


async def send_one(person: Person, line: SlowLine, *, bad_from: str) -> None:
    """Fill the form, from one screen on over a line that breaks as well, and send it."""
    line.quality = GOOD
    await person.page.goto("/intake/new")
    for here, there in STEPS:
        line.quality = WORSE if SCREENS.index(here) >= SCREENS.index(bad_from) else GOOD
        await person.answer(GIRL.get(here, {}))
        await person.page.evaluate("() => { document.body.dataset.before = 'the cut' }")
        await person.hand.press(person.page.locator(button_to(there)))
        await until(partial(has_come, person), seconds=240)
    assert await person.page.locator("h1.key").count() == 1


@pytest.mark.timeout(3000)
async def test_a_bad_line_shows_the_first_page_soon_and_brings_each_form_once(
    site: Site, form: Form, figure: Figure
) -> None:
    looks, forms = form.pick(short=1, long=40), form.pick(short=1, long=10)
    async with far_away(site) as (address, base, line), chromium() as browser:
        far = f"http://127.0.0.1:{line.port}"
        line.quality = BAD
        seen = [await first_page(browser, far) for _ in range(looks)]
        who = {"who": "m.keita", "organisation": "POLICE_A", "role": "officer"}
        known = await cookies_of(address, base, **who)
        async with again(browser, far, known) as person:
            person.page.set_default_timeout(PATIENCE)
            line.quality = GOOD
            light = await light_page(person.page)
            for _ in range(forms):
                await send_one(person, line, bad_from=form.pick(short="sealed", long="found"))
        arrived = await cases(address)
    assert max(count for _, _, count in seen) <= MOST_REQUESTS
    assert max(size for _, size, _ in seen) <= HEAVIEST
    assert 0 < light <= LIGHTEST
    assert line.cuts or not form.is_long
    if form.is_long:  # a few pages say little of how long one takes
        figure("people.badline.first_s", round(median(one[0] for one in seen), 1), seed=SEED)
    figure("people.badline.lost", max(forms - arrived, 0), seed=SEED)
    figure("people.badline.doubled", max(arrived - forms, 0), seed=SEED)
