"""The form without a line: what is written arrives once, and the device cannot read it."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Page

from chassis.web.pages import LANGUAGE_COOKIE
from services.intake.pages.offline import HERE
from services.intake.pages.questions import STEPS
from services.intake.vault.leases import LIFE
from tests.ledger import Figure
from tests.parts import until
from tests.people.address import Address
from tests.people.hands import Finger
from tests.people.journey import GIRL
from tests.people.persons import Person, Said
from tests.people.phone import (
    FORM,
    LANGUAGE,
    OUTBOX,
    comes,
    die,
    fill,
    kept_on,
    no_line,
    take_along,
    telephone,
    write_down,
)
from tests.people.shared_address import shared_site
from tests.people.test_cut_browsers import cases, on_a_line, platform
from tests.trust.canaries import Hit, canary, hits
from tests.trust.faults.wire_proxy import BadLine

__all__ = ["platform", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
WHO: Final = "m.keita"
NUMBERS: Final = "select number from intake.cases where owner <> 'GONE'"
#: Every field that may hold a person's data holds a canary.
NAMED: Final[Mapping[str, Said]] = {
    **GIRL,
    "sealed": {
        question.name: canary(number)
        for number, question in enumerate(q for step in STEPS for q in step.questions if q.section)
        if question.kind in ("text", "long")
    },
}
NOTHING: Final = {"bases": [], "caches": [], "workers": 0, "cookies": []}
Wrap = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]


class Unsealing(httpx.AsyncBaseTransport):
    """The control: the script that seals writes what it was given, as JSON."""

    def __init__(self, behind: httpx.AsyncBaseTransport) -> None:
        self._behind = behind

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand on; in the one script the sealing is over before it begins."""
        if not request.url.path.endswith("/sealing.js"):
            return await self._behind.handle_async_request(request)
        text = (HERE / "sealing.js").read_text("utf-8")
        head = "const seal = async (said, lease) => {"
        assert head in text
        script = text.replace(head, f"{head} return JSON.stringify(said);")
        headers = {"content-type": "text/javascript"}
        return httpx.Response(200, stream=httpx.ByteStream(script.encode()), headers=headers)


@asynccontextmanager
async def officer(
    address: Address, profile: Path, behind: Wrap | None = None
) -> AsyncIterator[tuple[BadLine, str, Person]]:
    """Signed in on a telephone that has taken the form along."""
    async with on_a_line(address, behind) as (line, base), telephone(profile, base) as page:
        person = Person(page, Finger())
        await person.come_in(await address.invite(WHO, "POLICE_A", "officer"), WHO)
        await take_along(page)
        yield line, base, person


async def write_and_die(line: BadLine, page: Page) -> None:
    """One form waits, another is half written, and the power is gone."""
    async with no_line(line):
        await write_down(page, NAMED)
        await comes(page, "waiting")
        await fill(page, NAMED)
        await until(lambda: kept_on(page, "draft"))
        await die(page.context, page)


def found_in(profile: Path) -> Iterator[Hit]:
    """Every canary in any file of the profile: databases, caches, session and crash files."""
    for file in sorted(one for one in profile.rglob("*") if one.is_file()):
        yield from hits(file.relative_to(profile).as_posix(), file.read_bytes())


async def sign_in_again(page: Page, key: bytes) -> None:
    """If the page asks: a browser writes down its session some 30 s after it has begun."""
    await page.locator("html[data-end=signed-out], html[data-end=clear]").wait_for(state="attached")
    if await page.locator("html[data-end=clear]").count():
        return
    person = Person(page, Finger(), key)
    await person.follow("[data-login] a")
    await person.log_in(WHO, ahead=1)


async def what_is_left(page: Page) -> dict[str, Any]:
    """What a browser that was emptied still has of us."""
    await page.goto("/static/mark.svg")
    left: dict[str, Any] = await page.evaluate("""async () => ({
      bases: (await indexedDB.databases()).map(one => one.name),
      caches: await caches.keys(),
      workers: (await navigator.serviceWorker.getRegistrations()).length,
    })""")
    known = {one["name"] for one in await page.context.cookies()}
    return left | {"cookies": sorted(known - {LANGUAGE_COOKIE})}


async def unsealed(address: Address, profile: Path) -> set[str]:
    """The control: where a form just begun is found when the script does not seal it."""
    async with officer(address, profile, Unsealing) as (_, _, person):
        await fill(person.page, {"sealed": NAMED["sealed"]})
        await until(lambda: kept_on(person.page, "draft"))
        await die(person.page.context, person.page)
    return {hit.place for hit in found_in(profile)}


async def test_a_browser_that_dies_has_kept_no_word_and_lost_no_form(
    platform: Address, tmp_path: Path, figure: Figure
) -> None:
    address = platform
    async with officer(address, tmp_path / "own") as (line, base, person):
        await write_and_die(line, person.page)
        found = list(found_in(tmp_path / "own"))
        assert await cases(address) == 0
        async with telephone(tmp_path / "own", base) as page:
            await page.goto(OUTBOX + LANGUAGE)
            await sign_in_again(page, person.key)
            await page.goto(OUTBOX + LANGUAGE)
            await comes(page, "sent")
            number = await page.locator("[data-state=sent] .key").inner_text()
            # What was only begun is opened by the service, and goes on in the form with a line.
            again = page.locator("[data-state=draft] button").first
            await again.tap(no_wait_after=True)
            await page.locator("#filling [name=village]").wait_for(state="attached")
        assert await address.site.rows(NUMBERS) == [(number,)]
    control = await unsealed(address, tmp_path / "control")
    assert control
    figure("people.device.canaries", len(found), control=len(control))


async def test_a_line_that_comes_back_sends_and_one_tap_leaves_nothing(
    platform: Address, tmp_path: Path
) -> None:
    async with officer(platform, tmp_path) as (line, _, person):
        page = person.page
        async with no_line(line):
            await write_down(page, GIRL)
            await comes(page, "waiting")
        await comes(page, "sent")
        assert await cases(platform) == 1

        await write_down(page, GIRL, day="2099-01-05")
        await comes(page, "refused")
        why = await page.locator("[data-state=refused] .fault").inner_text()
        assert why.startswith("Il manque quelque chose")
        assert "Quel jour" in why
        await page.locator("[data-state=refused] button").last.tap()
        await comes(page, "refused", count=0)

        await fill(page, {"sealed": GIRL["sealed"]})
        await page.locator("[data-leave]").tap(no_wait_after=True)
        await page.wait_for_url("about:blank")
        await page.go_back()
        await page.wait_for_url("about:blank")

        await page.goto(OUTBOX + LANGUAGE)
        await page.locator("[data-wipe]").tap(no_wait_after=True)
        await page.wait_for_url("about:blank")
        assert await what_is_left(page) == NOTHING


async def test_past_its_time_a_form_is_gone_and_signing_out_takes_the_rest(
    platform: Address, tmp_path: Path
) -> None:
    async with officer(platform, tmp_path) as (line, _, person):
        page = person.page
        await installable(page)
        async with no_line(line):
            await write_down(page, GIRL)
            assert [len(one) > 4096 for one in await kept_on(page, "waiting")] == [True]
            await page.clock.install(time=datetime.now(UTC) + LIFE)
            await page.goto(FORM + LANGUAGE)
            await page.locator("[data-closed]").wait_for()
            assert not await page.locator("#filling").is_visible()
            await page.goto(OUTBOX + LANGUAGE)
            await comes(page, "over")
            assert await kept_on(page, "over") == [""]
        await page.goto("/referral/")
        await person.follow('form[action="/leave"] button')
        assert await what_is_left(page) == NOTHING


async def installable(page: Page) -> None:
    """What the browser itself has against an app of ours: nothing."""
    session = await page.context.new_cdp_session(page)
    found = await session.send("Page.getInstallabilityErrors")
    assert found["installabilityErrors"] == []
