"""The line is cut, or the browser dies, at each screen: what was sent arrived, and once."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import BrowserType
from sqlalchemy import text

from deploy.front import Front
from deploy.front_server import front_paths
from services.intake.store import consents
from tests.ledger import Figure
from tests.parts import Site
from tests.people.address import SERVICES, Address, Browser, open_address
from tests.people.bad_road import (
    IN_VAIN,
    ON_A_NO,
    ON_A_YES,
    WAYS,
    BadRoad,
    again,
    announcements,
    confirming,
    counting,
    known_to,
    reporting,
    saying,
    settled,
)
from tests.people.chromium import chromium, one_more
from tests.people.journey import DIRECTORY, GIRL
from tests.people.mishaps import CutLine, kill
from tests.people.persons import SCREENS, Person
from tests.people.shared_address import shared_site
from tests.people.test_case_pages import accepted, announced
from tests.people.test_own_cases import decided, registered, told
from tests.referral.offices import open_office
from tests.serving import serving
from tests.trust.faults.wire_proxy import BadLine

__all__ = ["shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
STEPS: Final = (*pairwise(SCREENS), (SCREENS[-1], "send"))
#: Login and organisation of those who speak for one.
WHO: Final = {"shelter": ("a.diarra", "SHELTER_B"), "owner": ("c.keita", "POLICE_A")}
CLEARED: Final = (
    "truncate referral.accounts cascade",
    "update intake.cases set owner = 'GONE'",
)
CASE: Final = {"age_band": "25-34", "needs": ["shelter"]}
#: Forms that carry a key of their own.
KEYED: Final = re.compile("/intake/new|/referral/(proceedings|room)/.+")


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


async def offered(address: Address) -> UUID:
    """A referral that waits for SHELTER_B."""
    async with open_office(address.site.database, seed=uuid4().int % 10_000) as office:
        await office.offer(CASE)
        return await office.open_offer("SHELTER_B")


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

    async def accept(self, referral_id: UUID) -> None:
        """The shelter takes on what waits for it."""
        at = f"/referral/desk/{referral_id}"
        await self.shelter.press(await self.shelter.get(at), f"{at}/accept")

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
        for how, places in zip(WAYS, ("11", "12", "13"), strict=True):
            await heard.road.once(counting(platform, places), how=how)
            for acts in (ON_A_YES, ON_A_NO):
                referral_id = await offered(platform)
                for act in acts:
                    await heard.road.once(act.on(platform, referral_id), how=how)
            referral_id = await offered(platform)
            await heard.accept(referral_id)
            await heard.road.once(IN_VAIN.on(platform, referral_id), how=how)
    for name in ("started", "delivered", "confirmed", "declined", "not_delivered"):
        assert await announcements(platform, f"referral.{name}") == 3, name
    assert await announcements(platform, "referral.accepted") == 3 + len(WAYS)
    assert await announcements(platform, "capacity.changed") == 3
    assert await announcements(platform, "request.refused") == 0


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


async def test_without_their_keys_forms_count_twice_and_without_a_look_erasing_is_confirmed_twice(
    platform: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = consents._ACKNOWLEDGE.text.replace("and acknowledged_at is null", "")
    assert unasked != consents._ACKNOWLEDGE.text
    monkeypatch.setattr(consents, "_ACKNOWLEDGE", text(unasked))
    async with hearing(platform, Forgetful) as heard:
        before = await announcements(platform, "capacity.changed")
        await heard.road.once(counting(platform, "21"), how="unanswered")
        assert await announcements(platform, "capacity.changed") == before + 2
        case, referral_id = await heard.begin()
        await heard.go_on(case, referral_id, how="unanswered")
        twice = (["proceeding.opened"] * 2, ["consent.acknowledged"] * 2)
        assert await heard.came_of(case) == twice
