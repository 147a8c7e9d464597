"""How a person works a page: with the keyboard alone, or by touch."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from playwright.async_api import Locator, Page

#: Where the keyboard is, as far as a person can tell from the screen.
_IS_SHOWN = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  return one === document.body
    || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
        && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth);
}"""
_IS_HERE = "one => one === document.activeElement"
_IS_ITS_GROUP = """one => document.activeElement.type === "radio"
  && document.activeElement.name === one.name && document.activeElement.form === one.form"""
LONGEST_WAY = 400


class Hand(Protocol):
    """What a person does on a page; each waits for nothing but the page itself."""

    async def write(self, target: Locator, text: str) -> None: ...
    async def choose(self, target: Locator) -> None: ...
    async def pick(self, target: Locator, value: str) -> None: ...
    async def press(self, target: Locator) -> None: ...


@dataclass(slots=True)
class Keyboard:
    """Tab, arrows, space and enter. unseen: where the focus went without being shown."""

    page: Page
    unseen: list[str] = field(default_factory=list)

    async def write(self, target: Locator, text: str) -> None:
        """Go to a field and type over what stands there."""
        await self._reach(target, _IS_HERE)
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.type(text)

    async def choose(self, target: Locator) -> None:
        """Tick a box; of a group that knows one answer, go to this one."""
        if await target.get_attribute("type") != "radio":
            await self._reach(target, _IS_HERE)
            await self.page.keyboard.press("Space")
            return
        await self._reach(target, _IS_ITS_GROUP)
        await self.page.keyboard.press("Space")
        await self._until(target, _IS_HERE, key="ArrowDown")

    async def pick(self, target: Locator, value: str) -> None:
        """Go down a list to one of its answers."""
        await self._reach(target, _IS_HERE)
        await self._until(target, "(one, value) => one.value === value", value, key="ArrowDown")

    async def press(self, target: Locator) -> None:
        """Press a button or follow a link."""
        await self._reach(target, _IS_HERE)
        await self.page.keyboard.press("Enter")

    async def _reach(self, target: Locator, rule: str) -> None:
        await self._until(target, rule, key="Tab")
        if not await self.page.evaluate(_IS_SHOWN):
            self.unseen.append(await target.evaluate("one => one.outerHTML.slice(0, 120)"))

    async def _until(self, target: Locator, rule: str, value: Any = None, *, key: str) -> None:
        for _ in range(LONGEST_WAY):
            if await target.evaluate(rule, value):
                return
            await self.page.keyboard.press(key)
        raise AssertionError(f"no {key} leads to {target}")


@dataclass(slots=True)
class Finger:
    """Taps, as on a telephone."""

    async def write(self, target: Locator, text: str) -> None:
        """Tap a field and type."""
        await target.fill(text)

    async def choose(self, target: Locator) -> None:
        """Tap an answer."""
        await target.tap()

    async def pick(self, target: Locator, value: str) -> None:
        """Choose from a list."""
        await target.select_option(value)

    async def press(self, target: Locator) -> None:
        """Tap a button or a link; the page that follows is waited for by whoever taps."""
        await target.tap(no_wait_after=True)
