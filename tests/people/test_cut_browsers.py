"""The line is cut, or the browser dies, at each screen: what was sent arrived, and once."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserType
from sqlalchemy import text

from deploy.front import Front
from deploy.front_server import front_paths
from services.intake.store import consents
from tests.ledger import Figure
from tests.parts import Site, until
from tests.people.address import SERVICES, Address, Browser, Visitor, open_address
from tests.people.chromium import PHONE, chromium, one_more, window
from tests.people.hands import Finger
from tests.people.journey import DIRECTORY, GIRL
from tests.people.mishaps import CutLine, kill
from tests.people.persons import SCREENS, Person
from tests.people.shared_address import shared_site
from tests.people.test_case_pages import STEP, accepted, announced
from tests.people.test_own_cases import decided, registered, told
from tests.referral.offices import open_office
from tests.serving import serving
from tests.trust.faults.wire_proxy import BadLine

__all__ = ["shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
STEPS: Final = (*pairwise(SCREENS), (SCREENS[-1], "send"))
ACCEPT: Final = 'form[action$="/accept"] button'
REASON: Final = "[name=reason][value=capacity]"
WAYS: Final = ("unheard", "unanswered", "dies")
#: Login and organisation of those who speak for one.
WHO: Final = {"shelter": ("a.diarra", "SHELTER_B"), "owner": ("c.keita", "POLICE_A")}
CLEARED: Final = (
    "truncate referral.accounts cascade",
    "update intake.cases set owner = 'GONE'",
)
CASE: Final = {"age_band": "25-34", "needs": ["shelter"]}


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
            fill=choose_reason if self.state == "declined" else nothing,
        )


ON_A_YES: Final = (
    Act("shelter", ACCEPT, "accepted"),
    Act("shelter", 'form[action$="/start"] button', "started"),
    Act("shelter", 'form[action$="/deliver"] button', "delivered"),
    Act("owner", 'form[action*="/confirmations/"] button', "confirmed"),
)
ON_A_NO: Final = (Act("shelter", 'form[action$="/decline"] button', "declined"),)
#: Forms that carry a key of their own.
KEYED: Final = re.compile("/intake/new|/referral/proceedings/.+")


class Forgetful(httpx.AsyncBaseTransport):
    """The control: what stands behind the front forgets that a form has a key of its own."""

    def __init__(self, behind: httpx.AsyncBaseTransport) -> None:
        self._behind = behind

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand on, with another key each time."""
        if request.method != "POST" or not KEYED.fullmatch(request.url.path):
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
    address: Address, base: str, *, who: str, organisation: str, role: str
) -> list[Any]:
    """Signed in: what a telephone's browser still knows after the system has ended it."""
    async with address.browser() as person:
        await person.arrive(who, organisation=organisation, role=role)
        return known_to(person, base)


def known_to(person: Visitor, base: str) -> list[Any]:
    """What their browser keeps, for another one that comes by this line."""
    jar = person.client.cookies.jar
    return [{"name": one.name, "value": one.value, "url": base} for one in jar]


@asynccontextmanager
async def again(browser: Chromium, base: str, cookies: list[Any]) -> AsyncIterator[Person]:
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
    address: Address, line: BadLine, kind: BrowserType, *, known: tuple[str, list[Any]]
) -> None:
    """The browser dies; its owner looks in a new one whether the form arrived, or starts over."""
    last = ""
    for at in (*SCREENS, None):
        async with one_more(kind) as browser, again(browser, *known) as person:
            newest = await newest_sent(person)
            if last and newest == last:
                await person.fill(GIRL)
                await person.go("send")
                newest = await newest_sent(person)
            last = newest
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


async def finds(person: Person, deed: Deed) -> bool:
    """Whether it is still to be done; if so, all but the button is."""
    await person.page.goto(deed.page)
    if not await person.page.locator(deed.todo).count():
        return False
    await deed.fill(person)
    return True


@dataclass(frozen=True, slots=True)
class Hearing:
    """A bad road, and those at it who sit before a good one, too."""

    road: BadRoad
    owner: Browser
    shelter: Browser

    async def begin(self) -> tuple[str, UUID]:
        """A case that the shelter has taken on: its page, and the referral."""
        case = await registered(self.owner)
        return case, await accepted(self.shelter, case)

    async def go_on(self, case: str, referral_id: UUID, *, how: str) -> None:
        """A file is reported; what the shelter was told of her is taken back, and it confirms."""
        await self.road.once(reporting(self.owner, case, referral_id), how=how)
        asked = await self.owner.get(f"{case}/consent")
        no = {"authority": "person", "consent_shelter": "refused"}
        assert (await self.owner.press(asked, f"{case}/consent", **no)).status_code == 200
        await self.road.once(confirming(self.road.address, case, referral_id), how=how)

    async def came_of(self, case: str) -> tuple[list[str], list[str]]:
        """What was told of the file, and of the confirmation."""
        address = self.road.address
        return await announced(self.owner, case), await told(address, case, "consent.acknowledged")


@asynccontextmanager
async def hearing(
    address: Address,
    behind: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
) -> AsyncIterator[Hearing]:
    """Those two, at both roads."""
    async with (
        on_a_line(address, behind) as (line, base), chromium() as browser,
        address.browser() as owner, address.browser() as shelter,
    ):  # fmt: skip
        both = {"owner": owner, "shelter": shelter}
        for who, one in both.items():
            login, organisation = WHO[who]
            await one.arrive(login, organisation=organisation, role="focal_point")
        known = {who: known_to(one, base) for who, one in both.items()}
        yield Hearing(BadRoad(address, line, base, browser, known), owner, shelter)


@pytest.mark.timeout(600)
async def test_a_form_arrives_once_however_the_line_or_the_browser_goes(
    platform: Address, figure: Figure
) -> None:
    async with on_a_line(platform) as (line, base):
        address = platform
        async with chromium() as browser:
            known = await cookies_of(
                address, base, who="m.keita", organisation="POLICE_A", role="officer"
            )
            async with again(browser, base, known) as person:
                for is_heard in (False, True):
                    await fill_over(person, line, address, is_heard=is_heard)
            kind = browser.browser_type
            await die_at_each_screen(address, line, kind, known=(base, known))
        arrived = await cases(address)
    sent = 2 + len(SCREENS)
    assert arrived <= sent
    figure("people.kill.lost", sent - arrived)


async def test_without_its_key_a_form_arrives_twice(platform: Address) -> None:
    address = platform
    async with on_a_line(address, Forgetful) as (line, base), chromium() as browser:
        known = await cookies_of(
            address, base, who="m.keita", organisation="POLICE_A", role="officer"
        )
        async with again(browser, base, known) as person:
            await fill_over(person, line, address, is_heard=True)
        assert await cases(address) > 1


async def test_each_act_after_an_offer_counts_once_however_the_line_or_the_browser_goes(
    platform: Address,
) -> None:
    async with hearing(platform) as heard:
        for how in WAYS:
            for acts in (ON_A_YES, ON_A_NO):
                referral_id = await offered(platform)
                for act in acts:
                    await heard.road.once(act.on(platform, referral_id), how=how)
    query = "select count(*) from referral.outbox where name = :name and organisation is null"
    for name in ("accepted", "started", "delivered", "confirmed", "declined"):
        assert await platform.site.rows(query, name=f"referral.{name}") == [(3,)], name
    assert await platform.site.rows(query, name="request.refused") == [(0,)]


async def test_what_is_said_of_a_person_and_what_is_erased_counts_once_on_such_a_road(
    platform: Address,
) -> None:
    async with hearing(platform) as heard:
        for how in WAYS:
            case, referral_id = await heard.begin()
            for said in ("given", "refused"):
                await heard.road.once(saying(platform, case, said), how=how)
            found = [(kind, state) for kind, _, state in await decided(platform, case)]
            assert found == [("health", "given"), ("health", "refused")], how
            await heard.go_on(case, referral_id, how=how)
            once = (["proceeding.opened"], ["consent.acknowledged"])
            assert await heard.came_of(case) == once, how


async def test_without_its_key_a_file_is_opened_twice_and_without_a_look_erasing_is_confirmed_twice(
    platform: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = consents._ACKNOWLEDGE.text.replace("and acknowledged_at is null", "")
    assert unasked != consents._ACKNOWLEDGE.text
    monkeypatch.setattr(consents, "_ACKNOWLEDGE", text(unasked))
    async with hearing(platform, Forgetful) as heard:
        case, referral_id = await heard.begin()
        await heard.go_on(case, referral_id, how="unanswered")
        twice = (["proceeding.opened"] * 2, ["consent.acknowledged"] * 2)
        assert await heard.came_of(case) == twice
