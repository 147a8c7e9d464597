"""What happens to a browser on its way: the line goes before or after the server heard, or it dies."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Browser, Error

from tests.parts import until
from tests.people.persons import Person
from tests.trust.faults.wire_proxy import BadLine

#: Seconds that a person looks at a page that does not come.
PATIENCE: Final = 0.3

Heard = Callable[[], Awaitable[Any]]


@dataclass(slots=True)
class CutLine:
    """A line that fails once, while somebody waits for the next page."""

    line: BadLine

    async def press(self, person: Person, button: str, *, heard: Heard | None) -> None:
        """Press, lose the line, and load the page again as the browser proposes.

        heard: true once the server has done what was asked, and only its answer is lost; None for a
        line on which nothing reaches it.
        """
        await person.page.evaluate("() => { document.body.dataset.before = 'the cut' }")
        self.line.up, self.line.down = heard is not None, False
        await person.hand.press(person.page.locator(button))
        if heard:
            await until(heard)
        await asyncio.sleep(PATIENCE)
        self.line.up = self.line.down = True
        self.line.reset()
        await until(lambda: has_come(person), seconds=30)


async def has_come(person: Person) -> bool:
    """Whether the next page is there, to its foot; what is shown in its place is loaded again."""
    page = person.page
    with suppress(Error):
        if await page.evaluate("document.readyState") == "loading":
            return False
        is_old = await page.locator("[data-before]").count() > 0
        is_whole = await page.locator(".foot").count() == 1
        if not is_old and not is_whole:
            await page.reload()
        return is_whole and not is_old
    return False


async def kill(browser: Browser, person: Person, button: str) -> None:
    """The browser dies as the button is pressed, and has kept nothing."""
    session = await browser.new_browser_cdp_session()
    await person.hand.press(person.page.locator(button))
    with suppress(Error):
        await session.send("Browser.crash")
