"""A telephone that keeps its browser's profile on a disk, and loses its line, its power or its owner."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from playwright.async_api import BrowserContext, Error, Page, async_playwright

from tests.parts import until
from tests.people.chromium import CHROMIUM, FLAGS, PATIENCE, PHONE
from tests.people.hands import Finger
from tests.people.persons import Person, Said
from tests.trust.faults.wire_proxy import BadLine

OUTBOX: Final = "/intake/offline"
FORM: Final = "/intake/offline/form"
LANGUAGE: Final = "?lang=fr"


@asynccontextmanager
async def telephone(profile: Path, base: str) -> AsyncIterator[Page]:
    """The same telephone as before, switched on again, with what lies in its profile."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=[*FLAGS], chromium_sandbox=False,
            base_url=base, locale="fr-ML", **PHONE,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE)
        try:
            yield context.pages[0] if context.pages else await context.new_page()
        finally:
            with suppress(Error):  # it may have died
                await context.close()


@asynccontextmanager
async def no_line(line: BadLine) -> AsyncIterator[None]:
    """Nobody answers at the address, until the line is back at the same place."""
    await line.__aexit__()
    try:
        yield
    finally:
        await line.__aenter__()


async def take_along(page: Page) -> None:
    """Open the form without a line once while there is one; the browser has kept it all."""
    await page.goto(OUTBOX + LANGUAGE)
    await page.locator("html[data-kept=yes]").wait_for(state="attached")
    await page.goto(FORM + LANGUAGE)
    await page.locator("html[data-open=yes]").wait_for(state="attached")


async def fill(page: Page, answers: Mapping[str, Said]) -> None:
    """Fill the form without a line."""
    await page.goto(FORM + LANGUAGE)
    await page.locator("html[data-open=yes]").wait_for(state="attached")
    person = Person(page, Finger())
    for said in answers.values():
        await person.answer(said)


async def kept_on(page: Page, state: str) -> list[str]:
    """What the device holds of the forms in this state: sealed, or nothing."""
    held: list[str] = await page.evaluate(
        "async state => (await outbox.items()).filter(one => one.state === state)"
        ".map(one => one.sealed ?? '')",
        state,
    )
    return held


async def write_down(page: Page, answers: Mapping[str, Said], *, day: str = "") -> None:
    """Fill the form without a line and send it off; the page that shows what waits has come.

    day: instead of today, as a telephone with a wrong clock would have it.
    """
    await fill(page, answers)
    if day:
        change = "(one, day) => { one.removeAttribute('max'); one.value = day }"
        await page.locator("[name=detected_on]").evaluate(change, day)
    await page.locator("#filling > p button").tap(no_wait_after=True)
    await page.wait_for_url(f"**{OUTBOX}{LANGUAGE}")


async def comes(page: Page, state: str, *, count: int = 1) -> None:
    """The page shows so many forms in this state."""

    async def shown() -> bool:
        return await page.locator(f"[data-state={state}]").count() == count

    await until(shown, seconds=30)


async def die(context: BrowserContext, page: Page) -> None:
    """The whole browser is gone at once, as when the battery is."""
    session = await context.new_cdp_session(page)
    with suppress(Error):
        await session.send("Browser.crash")
