"""Looks at a page as people with other eyes and hands would, and keeps a picture of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page

AXE: Final = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
#: A telephone and a desk; 200 % on that desk, and the narrowest that WCAG 2.2 names (1.4.10).
WIDTHS: Final = (390, 1280)
NARROW: Final = (640, 320)
_RUN = """async only => (await axe.run(document, only)).violations.flatMap(
  one => one.nodes.map(node => one.id + " at " + node.target.join(" ")))"""
_OVERFLOW = """width => document.documentElement.scrollWidth <= width ? [] : ["wider by "
  + (document.documentElement.scrollWidth - width), ...[...document.body.querySelectorAll("*")]
  .filter(one => one.getBoundingClientRect().right > width + 1 && !one.closest(".table"))
  .map(one => one.outerHTML.slice(0, 80))]"""


@dataclass(slots=True)
class Looker:
    """Collects what is wrong, by page, and keeps a picture of each in this folder."""

    folder: Path
    violations: list[str] = field(default_factory=list)
    overflows: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)

    async def look(self, page: Page, name: str) -> None:
        """A page as it stands now, by width and by colours; its window is as before afterwards."""
        self.pages.append(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=self.folder / f"{len(self.pages):02}-{name}.png", full_page=True)
        before: Any = page.viewport_size
        await page.evaluate(AXE.read_text("utf-8"))
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            self.violations += [f"{name} ({width}): {one}" for one in await found(page)]
        await page.emulate_media(color_scheme="dark")
        self.violations += [f"{name} (dark): {one}" for one in await found(page, "color-contrast")]
        await page.emulate_media(color_scheme="light")
        await self._zoom(page, name)
        await page.set_viewport_size(before)

    async def _zoom(self, page: Page, name: str) -> None:
        """At 200 %, by the browser's zoom and by the telephone's larger letters."""
        for width in NARROW:
            await page.set_viewport_size({"width": width, "height": 900})
            self.overflows += [f"{name} ({width}): {one}" for one in await overflowing(page)]
        await page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        await page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
        self.overflows += [f"{name} (large letters): {one}" for one in await overflowing(page)]
        await page.evaluate("() => { document.documentElement.style.fontSize = '' }")


async def found(page: Page, *rules: str) -> list[str]:
    """What axe finds, by all its rules or by these; the page has it in its memory."""
    only = {"runOnly": {"type": "rule", "values": [*rules]}} if rules else {}
    told: list[str] = await page.evaluate(_RUN, {"resultTypes": ["violations"], **only})
    return told


async def overflowing(page: Page) -> list[str]:
    """What reaches beyond the right edge of the window; a wide table scrolls in its own frame."""
    size: Any = page.viewport_size
    told: list[str] = await page.evaluate(_OVERFLOW, size["width"])
    return told
