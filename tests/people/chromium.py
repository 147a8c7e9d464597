"""Debian's Chromium before the one address, driven by Playwright; nothing leaves the machine."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserType, Page, async_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")
#: Without the last ones it looks for its makers' hosts at every start.
FLAGS: Final = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
#: Milliseconds that a page may take on a busy machine.
PATIENCE: Final = 15_000
#: A small telephone of today, and a screen on a desk.
PHONE: Final[Mapping[str, Any]] = {
    "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True,
}  # fmt: skip
DESK: Final[Mapping[str, Any]] = {"viewport": {"width": 1280, "height": 900}}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One browser; `make test` installs it."""
    assert CHROMIUM.exists(), "Chromium is missing: deploy/system-packages chromium"
    async with async_playwright() as playwright, one_more(playwright.chromium) as browser:
        yield browser


@asynccontextmanager
async def one_more(kind: BrowserType) -> AsyncIterator[Browser]:
    """A browser with processes of its own, driven by what drives the others: that starts slowly."""
    browser = await kind.launch(executable_path=CHROMIUM, args=[*FLAGS], chromium_sandbox=False)
    try:
        yield browser
    finally:
        await browser.close()


@asynccontextmanager
async def window(
    browser: Browser, base: str, device: Mapping[str, Any] = DESK, **more: Any
) -> AsyncIterator[Page]:
    """A window of somebody who reads French and has never been here."""
    context = await browser.new_context(base_url=base, locale="fr-ML", **device, **more)
    context.set_default_timeout(PATIENCE)
    try:
        yield await context.new_page()
    finally:
        await context.close()
