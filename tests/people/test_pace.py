"""A person who was never here sends a case within minutes and accepts an offer within seconds."""

from time import monotonic

import pytest

from tests.ledger import Figure
from tests.parts import Site, site, until
from tests.people.address import Address, open_address
from tests.people.bad_road import ACCEPT
from tests.people.chromium import DESK, PHONE, chromium, window
from tests.people.journey import DIRECTORY, GIRL
from tests.people.pace import OTHER_APP, Newcomer
from tests.people.persons import Person
from tests.people.test_cut_browsers import STEPS
from tests.serving import serving

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
#: Of the machine, for all of it, on a line that is no worse than this machine's own.
MACHINE = 60


async def invited(address: Address, person: Person, login: str, *who: str) -> None:
    """Somebody who has joined, before the page for signing in."""
    await person.take_up(await address.invite(login, *who))
    await person.join()


async def send_a_case(person: Person, hand: Newcomer) -> float:
    """From the page for signing in to the number of the case; the machine's seconds."""
    began = monotonic()
    hand.acted += OTHER_APP
    await person.log_in("m.keita")
    await person.follow('nav a[href="/intake/new"]')
    for here, there in STEPS:
        await person.answer(GIRL.get(here, {}))
        await person.go(there)
    assert await person.page.locator("h1.key").count() == 1
    return monotonic() - began


async def accept_an_offer(person: Person, hand: Newcomer) -> float:
    """From the list, which a notice led to, to the answer; the machine's seconds."""
    await person.log_in("a.diarra")
    offers = person.page.locator(".cards a.button")

    async def is_there() -> bool:
        await person.page.reload()
        return bool(await offers.count())

    await until(is_there)
    hand.read = hand.acted = 0.0
    began = monotonic()
    await person.follow(offers.first)
    await person.follow(ACCEPT)
    return monotonic() - began


async def test_a_newcomer_sends_a_case_in_minutes_and_accepts_in_seconds(
    site: Site, figure: Figure
) -> None:
    officers, shelters = Newcomer(), Newcomer()
    async with (
        open_address(site, *DIRECTORY) as address,
        serving(address.front) as base,
        chromium() as browser,
        window(browser, base, PHONE) as phone,
        window(browser, base, DESK, has_touch=True) as desk,
    ):
        officer, shelter = Person(phone, officers), Person(desk, shelters)
        await invited(address, officer, "m.keita", "POLICE_A", "officer")
        await invited(address, shelter, "a.diarra", "SHELTER_B", "focal_point")
        officers.read = officers.acted = 0.0
        sending = await send_a_case(officer, officers)
        accepting = await accept_an_offer(shelter, shelters)
    sent, accepted = officers.read + officers.acted, shelters.read + shelters.acted
    figure("people.pace.sent_s", round(sent, 1))
    figure("people.pace.accepted_s", round(accepted, 1))
    assert sending + accepting < MACHINE
