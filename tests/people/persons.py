"""People with a browser of their own: how they come in, and how an officer fills the form."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from playwright.async_api import Locator, Page

from services.intake.pages.questions import STEPS
from services.referral.domain.one_time_codes import STEP_SECONDS, code_at
from tests.people.address import PASSWORD
from tests.people.hands import Hand

Said = Mapping[str, str | list[str]]
SCREENS = tuple(step.name for step in STEPS)


@dataclass(slots=True)
class Person:
    """Somebody before a page. key: what the app for codes on their telephone holds."""

    page: Page
    hand: Hand
    key: bytes = b""

    async def follow(self, target: str | Locator) -> None:
        """Press what leads to another page, and wait for that page."""
        found = self.page.locator(target) if isinstance(target, str) else target
        async with self.page.expect_navigation():
            await self.hand.press(found)

    async def write(self, name: str, text: str) -> None:
        """Fill the field of this name."""
        await self.hand.write(self.page.locator(f"[name={name}]"), text)

    async def take_up(self, secret: str) -> None:
        """Open an invitation, and read the key that the app for codes is given."""
        await self.page.goto(f"/join?token={secret}")
        shown = await self.page.locator(".key code").inner_text()
        self.key = base64.b32decode(shown.replace(" ", ""))

    async def join(self, password: str = PASSWORD, again: str = PASSWORD) -> None:
        """Choose a password and show that the codes come."""
        await self.write("code", self.code())
        await self.write("password", password)
        await self.write("again", again)
        await self.follow("main form button")

    async def log_in(self, login: str, password: str = PASSWORD, *, ahead: int = 0) -> None:
        """Sign in on the page for it. ahead: of the code just used, which is good for once only."""
        await self.write("login", login)
        await self.write("password", password)
        await self.write("code", self.code(ahead))
        await self.follow('form[action="/login"] button')

    async def come_in(self, secret: str, login: str) -> None:
        """From the invitation to the first page of the work."""
        await self.take_up(secret)
        await self.join()
        await self.log_in(login)

    def code(self, ahead: int = 0) -> str:
        """What the telephone shows, or will so many steps later."""
        return code_at(self.key, int(datetime.now(UTC).timestamp()) // STEP_SECONDS + ahead)

    async def answer(self, said: Said) -> None:
        """Answer the questions of a screen; a day is left as the page proposes it."""
        for name, value in said.items():
            for one in [value] if isinstance(value, str) else value:
                await self._say(name, one)

    async def _say(self, name: str, value: str) -> None:
        form = self.page.locator("#filling")
        exact = form.locator(f'[name="{name}"][value="{value}"]:is([type=radio],[type=checkbox])')
        if await exact.count():
            await self.hand.choose(exact)
        elif await (listed := form.locator(f'select[name="{name}"]')).count():
            await self.hand.pick(listed, value)
        else:
            await self.hand.write(form.locator(f'[name="{name}"]:not([type=hidden])'), value)

    async def go(self, there: str) -> None:
        """Press the button of the form that leads to this screen, or sends it."""
        await self.follow(f'#filling button[name=go][value="{there}"]:not([formaction])')

    async def fill(self, answers: Mapping[str, Said], *, to: str = "review") -> None:
        """From the first screen of the form to this one."""
        for here, there in pairwise(SCREENS):
            if here == to:
                return
            await self.answer(answers[here])
            await self.go(there)
