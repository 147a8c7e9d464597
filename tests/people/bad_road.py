"""What people do at the far end of a bad line: it fails once in some way, and is done if it is still to be done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from playwright.async_api import Browser as Chromium

from tests.parts import until
from tests.people.address import Address, Browser, Visitor
from tests.people.chromium import PHONE, one_more, window
from tests.people.hands import Finger
from tests.people.mishaps import CutLine, kill
from tests.people.persons import Person
from tests.people.test_case_pages import STEP, announced
from tests.people.test_own_cases import decided, told
from tests.trust.faults.wire_proxy import BadLine

WAYS: Final = ("unheard", "unanswered", "dies")
ACCEPT: Final = 'form[action$="/accept"] button'
REASON: Final = "[name=reason][value=capacity]"


async def nothing(_: Person) -> None:
    """The page asks for no answer before the button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody does at a page. todo: what the page shows as long as it is to be done."""

    who: str
    page: str
    button: str
    todo: str
    counts: Callable[[], Awaitable[bool]]
    fill: Callable[[Person], Awaitable[None]] = nothing


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody presses, and how the referral stands once that has counted."""

    who: str
    button: str
    state: str

    def on(self, address: Address, referral_id: UUID) -> Deed:
        """Of this referral."""
        at = {"shelter": "/referral/desk", "owner": "/referral/confirmations"}[self.who]
        return Deed(
            who=self.who,
            page=f"{at}/{referral_id}",
            button=self.button,
            todo=self.button,
            counts=partial(stands, address, referral_id, self.state),
            fill=choose_reason if self.state in ("declined", "not_delivered") else nothing,
        )


ON_A_YES: Final = (
    Act("shelter", ACCEPT, "accepted"),
    Act("shelter", 'form[action$="/start"] button', "started"),
    Act("shelter", 'form[action$="/deliver"] button', "delivered"),
    Act("owner", 'form[action*="/confirmations/"] button', "confirmed"),
)
ON_A_NO: Final = (Act("shelter", 'form[action$="/decline"] button', "declined"),)
#: Of a referral that was accepted.
IN_VAIN: Final = Act("shelter", 'form[action$="/fail"] button', "not_delivered")


async def choose_reason(person: Person) -> None:
    """Why not, before a no."""
    await person.hand.press(person.page.locator("summary"))
    await person.hand.choose(person.page.locator(REASON))


def saying(address: Address, case: str, said: str) -> Deed:
    """What the person says at her case's page about a health centre."""
    word = {"given": "Oui", "refused": "Non"}[said]
    stand = "fieldset:has([name=consent_health]) > p.quiet"

    async def counts() -> bool:
        found = await decided(address, case)
        return ("health", said) in {(kind, state) for kind, _, state in found}

    async def fill(person: Person) -> None:
        for name, value in (("authority", "person"), ("consent_health", said)):
            await person.hand.choose(person.page.locator(f"[name={name}][value={value}]"))

    return Deed(
        who="owner",
        page=f"{case}/consent",
        button='form[action$="/consent"] button',
        todo=f'{stand}:not(:has-text("{word}"))',
        counts=counts,
        fill=fill,
    )


def reporting(browser: Browser, case: str, referral_id: UUID) -> Deed:
    """The first step of a file of the owner's, in which the person of this case has her part."""

    async def counts() -> bool:
        return bool(await announced(browser, case))

    return Deed(
        who="owner",
        page=f"/referral/proceedings/{referral_id}",
        button='form[action*="/proceedings/"] button',
        todo="main:not(:has(ul.lines))",
        counts=counts,
        fill=fill_step,
    )


async def fill_step(person: Person) -> None:
    """A charge, on a day that was."""
    await person.write("on", STEP["on"])
    for name in ("state", "offence_class"):
        await person.hand.pick(person.page.locator(f"[name={name}]"), STEP[name])


def confirming(address: Address, case: str, referral_id: UUID) -> Deed:
    """That the shelter has erased what it may not know any more."""

    async def counts() -> bool:
        return bool(await told(address, case, "consent.acknowledged"))

    button = 'form[action*="/withdrawals/"] button'
    page = f"/intake/dossiers/{referral_id}"
    return Deed(who="shelter", page=page, button=button, todo=button, counts=counts)


def counting(address: Address, places: str) -> Deed:
    """So many places the shelter has, and four of them free."""

    async def counts() -> bool:
        query = (
            "select 1 from referral.places where organisation = 'SHELTER_B' and places = :places"
        )
        return bool(await address.site.rows(query, places=int(places)))

    async def fill(person: Person) -> None:
        for name, number in (("places", places), ("free", "4")):
            await person.write(name, number)

    return Deed(
        who="shelter",
        page="/referral/room",
        button='form[action$="/room/shelter"] button',
        todo=f'main:not(:has-text("sur {places} libres"))',
        counts=counts,
        fill=fill,
    )


async def stands(address: Address, referral_id: UUID, state: str) -> bool:
    query = "select 1 from referral.referrals where referral_id = :id and state = :state"
    return bool(await address.site.rows(query, id=referral_id, state=state))


async def announcements(address: Address, name: str) -> int:
    """How many of this kind referral has to tell of."""
    query = "select count(*) from referral.outbox where name = :name and organisation is null"
    return int((await address.site.rows(query, name=name))[0][0])


@dataclass(frozen=True, slots=True)
class BadRoad:
    """Those who answer, at the far end of a line. known: what each one's browser keeps."""

    address: Address
    line: BadLine
    base: str
    browser: Chromium
    known: Mapping[str, list[Any]]

    async def once(self, deed: Deed, *, how: str) -> None:
        """It goes wrong in this way; whoever did it looks again, and does it if it is still to be done."""
        if how == "dies":
            kind = self.browser.browser_type
            async with one_more(kind) as dying, self._at(dying, deed) as person:
                assert await finds(person, deed), (deed, how)
                await kill(dying, person, deed.button)
            await settled(self.address, self.line)
        async with self._at(self.browser, deed) as person:
            if how != "dies":
                assert await finds(person, deed), (deed, how)
                heard = deed.counts if how == "unanswered" else None
                await CutLine(self.line).press(person, deed.button, heard=heard)
                assert await deed.counts(), (deed, how)
            if await finds(person, deed):
                await person.follow(deed.button)
        assert await deed.counts(), (deed, how)

    def _at(self, browser: Chromium, deed: Deed) -> AbstractAsyncContextManager[Person]:
        return again(browser, self.base, self.known[deed.who])


@asynccontextmanager
async def again(browser: Chromium, base: str, cookies: list[Any]) -> AsyncIterator[Person]:
    """A window of somebody who is signed in."""
    async with window(browser, base, PHONE) as page:
        await page.context.add_cookies(cookies)
        yield Person(page, Finger())


def known_to(person: Visitor, base: str) -> list[Any]:
    """What their browser keeps, for another one that comes by this line."""
    jar = person.client.cookies.jar
    return [{"name": one.name, "value": one.value, "url": base} for one in jar]


async def finds(person: Person, deed: Deed) -> bool:
    """Whether it is still to be done; if so, all but the button is."""
    await person.page.goto(deed.page)
    if not await person.page.locator(deed.todo).count():
        return False
    await deed.fill(person)
    return True


async def settled(address: Address, line: BadLine) -> None:
    """Whatever was on its way has come: a person needs longer than this to find the page again."""
    await until(lambda: quiet(address, line), seconds=20)


async def quiet(address: Address, line: BadLine) -> bool:
    """Whether nobody holds the line, and nothing new has been heard for a while."""
    seen = len(address.behind.seen)
    await asyncio.sleep(0.3)
    return line.is_idle and seen == len(address.behind.seen)
