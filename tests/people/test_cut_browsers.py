"""The line is cut, or the browser dies, at each screen: what was sent arrived, and once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from deploy.front import Front
from deploy.front_server import front_paths
from tests.ledger import Figure
from tests.parts import Site, until
from tests.people.address import SERVICES, Address, open_address
from tests.people.chromium import PHONE, chromium, window
from tests.people.hands import Finger
from tests.people.journey import DIRECTORY, GIRL
from tests.people.mishaps import CutLine, kill
from tests.people.persons import SCREENS, Person
from tests.people.shared_address import shared_site
from tests.people.test_own_cases import decided, registered
from tests.referral.offices import open_office
from tests.serving import serving
from tests.trust.faults.wire_proxy import BadLine

__all__ = ["shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
STEPS: Final = (*pairwise(SCREENS), (SCREENS[-1], "send"))
ACCEPT: Final = 'form[action$="/accept"] button'
SAY: Final = 'form[action$="/consent"] button'
REASON: Final = "[name=reason][value=capacity]"
#: login, organisation, and where its pages are
WHO: Final = {
    "shelter": ("a.diarra", "SHELTER_B", "/referral/desk"),
    "owner": ("c.keita", "POLICE_A", "/referral/confirmations"),
}
CLEARED: Final = (
    "truncate referral.accounts cascade",
    "update intake.cases set owner = 'GONE'",
)
CASE: Final = {"age_band": "25-34", "needs": ["shelter"]}


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody presses, and how the referral stands once that has counted."""

    who: str
    button: str
    state: str


ON_A_YES: Final = (
    Act("shelter", ACCEPT, "accepted"),
    Act("shelter", 'form[action$="/start"] button', "started"),
    Act("shelter", 'form[action$="/deliver"] button', "delivered"),
    Act("owner", 'form[action*="/confirmations/"] button', "confirmed"),
)
ON_A_NO: Final = (Act("shelter", 'form[action$="/decline"] button', "declined"),)


class Forgetful(httpx.AsyncBaseTransport):
    """The control: what stands behind the front forgets that a form has a key of its own."""

    def __init__(self, behind: httpx.AsyncBaseTransport) -> None:
        self._behind = behind

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand on, with another key each time."""
        if (request.method, request.url.path) != ("POST", "/intake/new"):
            return await self._behind.handle_async_request(request)
        pairs = parse_qsl((await request.aread()).decode(), keep_blank_values=True)
        content = urlencode(
            [(name, str(uuid4()) if name == "key" else value) for name, value in pairs]
        )
        headers = [(n, v) for n, v in request.headers.items() if n != "content-length"]
        return await self._behind.handle_async_request(
            httpx.Request("POST", request.url, headers=headers, content=content)
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(shared_site: Site) -> AsyncIterator[Address]:
    """For all tests of a file; each has people and cases of its own."""
    async with open_address(shared_site, *DIRECTORY) as address:
        yield address


@asynccontextmanager
async def on_a_line(
    address: Address,
    behind: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
) -> AsyncIterator[tuple[BadLine, str]]:
    """The platform at the far end of a line, and its address at this end; then nobody has anything."""
    paths = front_paths({name: f"http://{name}" for name in SERVICES})
    front = Front(paths, behind(address.behind)) if behind else address.front
    try:
        async with serving(front) as base, BadLine(int(base.rpartition(":")[2])) as line:
            yield line, f"http://127.0.0.1:{line.port}"
    finally:
        for statement in CLEARED:
            await address.site.run(statement)


async def cookies_of(
    address: Address, browser: Browser, base: str, *, who: str, organisation: str, role: str
) -> list[Any]:
    """Signed in: what a telephone's browser still knows after the system has ended it."""
    async with window(browser, base, PHONE) as page:
        person = Person(page, Finger())
        await person.come_in(await address.invite(who, organisation, role), who)
        return list(await page.context.cookies())


@asynccontextmanager
async def again(browser: Browser, base: str, cookies: list[Any]) -> AsyncIterator[Person]:
    """A window of somebody who is signed in."""
    async with window(browser, base, PHONE) as page:
        await page.context.add_cookies(cookies)
        yield Person(page, Finger())


_CASES: Final = "select count(*) from intake.cases where owner <> 'GONE'"


async def cases(address: Address) -> int:
    return int((await address.site.rows(_CASES))[0][0])


async def fill_over(person: Person, line: BadLine, address: Address, *, is_heard: bool) -> None:
    """The whole form, with the line cut at every button."""
    before = await cases(address)
    await person.page.goto("/intake/new")

    async def arrived() -> bool:
        return await cases(address) > before

    for here, there in STEPS:
        if here in GIRL:
            await person.answer(GIRL[here])
        seen = len(address.behind.seen)

        async def heard(seen: int = seen) -> bool:
            return len(address.behind.seen) > seen

        landed = arrived if there == "send" else heard
        await CutLine(line).press(person, button_to(there), heard=landed if is_heard else None)
    assert await person.page.locator("h1.key").count() == 1


async def die_at_each_screen(
    address: Address, line: BadLine, base: str, *, cookies: list[Any]
) -> None:
    """The browser dies; its owner looks in a new one whether the form arrived, or starts over."""
    known = ""
    for at in (*SCREENS, None):
        async with chromium() as browser, again(browser, base, cookies) as person:
            newest = await newest_sent(person)
            if known and newest == known:
                await person.fill(GIRL)
                await person.go("send")
                newest = await newest_sent(person)
            known = newest
            if at is None:
                return
            await person.fill(GIRL, to=at)
            await person.answer(GIRL.get(at, {}))
            await kill(browser, person, button_to(dict(STEPS)[at]))
        await settled(address, line)


async def newest_sent(person: Person) -> str:
    """What the form's first screen says has arrived."""
    await person.page.goto("/intake/new")
    return await person.page.locator("ul.lines code").first.inner_text()


def button_to(there: str) -> str:
    return f'#filling button[name=go][value="{there}"]:not([formaction])'


async def settled(address: Address, line: BadLine) -> None:
    """Whatever was on its way has come: a person needs longer than this to find the page again."""
    await until(lambda: quiet(address, line), seconds=20)


async def quiet(address: Address, line: BadLine) -> bool:
    """Whether nobody holds the line, and nothing new has been heard for a while."""
    seen = len(address.behind.seen)
    await asyncio.sleep(0.3)
    return line.is_idle and seen == len(address.behind.seen)


async def offered(address: Address) -> UUID:
    """A referral that waits for SHELTER_B."""
    async with open_office(address.site.database, seed=uuid4().int % 10_000) as office:
        await office.offer(CASE)
        return await office.open_offer("SHELTER_B")


async def stands(address: Address, referral_id: UUID, state: str) -> bool:
    query = "select 1 from referral.referrals where referral_id = :id and state = :state"
    return bool(await address.site.rows(query, id=referral_id, state=state))


@dataclass(frozen=True, slots=True)
class BadRoad:
    """Those who answer an offer, at the far end of a line. known: what each one's browser keeps."""

    address: Address
    line: BadLine
    base: str
    browser: Browser
    known: dict[str, list[Any]] = field(default_factory=dict)

    async def once(self, act: Act, referral_id: UUID, *, how: str) -> None:
        """It goes wrong in this way; whoever did it looks again, and does it if it is still to be done."""
        landed = partial(stands, self.address, referral_id, act.state)
        if how == "dies":
            async with chromium() as dying, self._at(dying, act, referral_id) as person:
                await kill(dying, person, act.button)
            await settled(self.address, self.line)
        else:
            async with self._at(self.browser, act, referral_id) as person:
                heard = landed if how == "unanswered" else None
                await CutLine(self.line).press(person, act.button, heard=heard)
            assert await landed(), (act.state, how)
        async with self._at(self.browser, act, referral_id) as person:
            if await person.page.locator(act.button).count():
                await person.follow(act.button)
        assert await landed(), (act.state, how)

    async def say(self, case: str, said: str, *, how: str) -> None:
        """The same for what the person says at her case's page about a health centre."""

        async def landed() -> bool:
            return ("health", said) in {
                (kind, state) for kind, _, state in await decided(self.address, case)
            }

        if how == "dies":
            async with chromium() as dying, self._asks(dying, case, said) as person:
                await kill(dying, person, SAY)
            await settled(self.address, self.line)
        else:
            async with self._asks(self.browser, case, said) as person:
                heard = landed if how == "unanswered" else None
                await CutLine(self.line).press(person, SAY, heard=heard)
            assert await landed(), (said, how)
        if not await landed():
            async with self._asks(self.browser, case, said) as person:
                await person.follow(SAY)
        assert await landed(), (said, how)

    @asynccontextmanager
    async def _asks(self, browser: Browser, case: str, said: str) -> AsyncIterator[Person]:
        async with again(browser, self.base, self.known["owner"]) as person:
            await person.page.goto(f"{case}/consent")
            for name, value in (("authority", "person"), ("consent_health", said)):
                await person.hand.choose(person.page.locator(f"[name={name}][value={value}]"))
            yield person

    @asynccontextmanager
    async def _at(self, browser: Browser, act: Act, referral_id: UUID) -> AsyncIterator[Person]:
        async with again(browser, self.base, self.known[act.who]) as person:
            await person.page.goto(f"{WHO[act.who][2]}/{referral_id}")
            if await person.page.locator(REASON).count() and act.state == "declined":
                await person.hand.press(person.page.locator("summary"))
                await person.hand.choose(person.page.locator(REASON))
            yield person


@pytest.mark.timeout(600)
async def test_a_form_arrives_once_however_the_line_or_the_browser_goes(
    platform: Address, figure: Figure
) -> None:
    async with on_a_line(platform) as (line, base):
        address = platform
        async with chromium() as browser:
            known = await cookies_of(
                address, browser, base, who="m.keita", organisation="POLICE_A", role="officer"
            )
            async with again(browser, base, known) as person:
                for is_heard in (False, True):
                    await fill_over(person, line, address, is_heard=is_heard)
        await die_at_each_screen(address, line, base, cookies=known)
        arrived = await cases(address)
    sent = 2 + len(SCREENS)
    assert arrived <= sent
    figure("people.kill.lost", sent - arrived)


async def test_without_its_key_a_form_arrives_twice(platform: Address) -> None:
    address = platform
    async with on_a_line(address, Forgetful) as (line, base), chromium() as browser:
        known = await cookies_of(
            address, browser, base, who="m.keita", organisation="POLICE_A", role="officer"
        )
        async with again(browser, base, known) as person:
            await fill_over(person, line, address, is_heard=True)
        assert await cases(address) > 1


async def test_each_act_after_an_offer_counts_once_however_the_line_or_the_browser_goes(
    platform: Address,
) -> None:
    async with on_a_line(platform) as (line, base), chromium() as browser:
        road = BadRoad(platform, line, base, browser)
        for who, (login, organisation, _) in WHO.items():
            people = {"who": login, "organisation": organisation, "role": "focal_point"}
            road.known[who] = await cookies_of(platform, browser, base, **people)
        for how in ("unheard", "unanswered", "dies"):
            for acts in (ON_A_YES, ON_A_NO):
                referral_id = await offered(platform)
                for act in acts:
                    await road.once(act, referral_id, how=how)
    query = "select count(*) from referral.outbox where name = :name and organisation is null"
    for name in ("accepted", "started", "delivered", "confirmed", "declined"):
        assert await platform.site.rows(query, name=f"referral.{name}") == [(3,)], name
    assert await platform.site.rows(query, name="request.refused") == [(0,)]


async def test_what_a_person_agrees_to_and_takes_back_counts_once_on_such_a_road(
    platform: Address,
) -> None:
    async with on_a_line(platform) as (line, base), chromium() as browser:
        people = {"who": "c.keita", "organisation": "POLICE_A", "role": "focal_point"}
        known = await cookies_of(platform, browser, base, **people)
        road = BadRoad(platform, line, base, browser, {"owner": known})
        async with platform.browser() as owner:
            await owner.arrive("d.keita", organisation="POLICE_A", role="focal_point")
            for how in ("unheard", "unanswered", "dies"):
                case = await registered(owner)
                for said in ("given", "refused"):
                    await road.say(case, said, how=how)
                found = [(kind, state) for kind, _, state in await decided(platform, case)]
                assert found == [("health", "given"), ("health", "refused")], how
