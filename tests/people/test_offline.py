"""The form without a line: what is written arrives once, and the device cannot read it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page

from tests.parts import Site, site
from tests.people.address import Address
from tests.people.hands import Finger
from tests.people.journey import GIRL
from tests.people.persons import Person
from tests.people.phone import (
    LANGUAGE,
    OUTBOX,
    comes,
    die,
    no_line,
    take_along,
    telephone,
    write_down,
)
from tests.people.test_cut_browsers import cases, on_a_line
from tests.trust.faults.wire_proxy import BadLine

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
WHO: Final = "m.keita"


@asynccontextmanager
async def officer(
    site: Site, profile: Path
) -> AsyncIterator[tuple[Address, BadLine, str, Page, Person]]:
    """Signed in on a telephone that has taken the form along."""
    async with on_a_line(site) as (address, line, base), telephone(profile, base) as page:
        person = Person(page, Finger())
        await person.come_in(await address.invite(WHO, "POLICE_A", "officer"), WHO)
        await take_along(page)
        yield address, line, base, page, person


@pytest.mark.timeout(300)
async def test_what_is_written_without_a_line_arrives_once_though_the_browser_dies(
    site: Site, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    async with officer(site, profile) as (address, line, base, page, person):
        async with no_line(line):
            await write_down(page, GIRL)
            await comes(page, "waiting")
            await die(page.context, page)
        assert await cases(address) == 0
        async with telephone(profile, base) as again:
            await again.goto(OUTBOX + LANGUAGE)
            # A browser that dies has not written down its session: who it is has to be said again.
            await again.locator("html[data-end=signed-out]").wait_for(state="attached")
            await comes(again, "waiting")
            owner = Person(again, Finger(), person.key)
            await owner.follow("[data-login] a")
            await owner.log_in(WHO, ahead=1)
            await again.goto(OUTBOX + LANGUAGE)
            await comes(again, "sent")
            number = await again.locator("[data-state=sent] .key").inner_text()
            async with no_line(line):
                await write_down(again, GIRL)
                await comes(again, "waiting")
            await comes(again, "sent", count=2)
        rows: list[Any] = await address.site.rows("select number from intake.cases")
    assert len(rows) == 2
    assert (number,) in rows
