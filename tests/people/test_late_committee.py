"""What was typed into the pages of the committee, of colleagues and of sessions is not lost with the session."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

import httpx
import pytest
import pytest_asyncio

from tests.builders import an_organisation
from tests.parts import Site
from tests.people.address import SERVICES, Address, Browser, open_address, words
from tests.people.shared_address import DIRECTORY, shared_site, shelter
from tests.people.test_late_forms import late

__all__ = ["shared_site", "shelter"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("figures"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
SHELTER: Final = "/referral/organisations/SHELTER_B"
NAMED: Final = {
    "name_fr": "Maison de Ségou", "name_en": "House of Segou", "zones": "12",
    "services": "shelter", "go": "look",
}  # fmt: skip
HELD: Final = {
    "kind": "talk", "held_on": "2026-05-20", "place": "01", "language": "bambara", "women": "31",
}  # fmt: skip
#: (page, where its form goes, what is typed, how it stands there again)
OF_THE_COMMITTEE: Final = (
    (SHELTER, f"{SHELTER}/state", {"why": "Toit effondré"}, ['value="Toit effondré"']),
    (f"{SHELTER}/entry", f"{SHELTER}/entry", NAMED, ['value="Maison de Ségou"']),
    (
        f"{SHELTER}/entry", f"{SHELTER}/entry", NAMED | {"go": "keep", "why": "Autre maison"},
        ['name="name_fr" value="Maison de Ségou"', 'value="Autre maison"'],
    ),
    (
        "/reporting/register/new", "/reporting/register", {"year": "2019", "audience": "internal"},
        ['<option value="2019" selected>', 'value="internal" checked'],
    ),
)  # fmt: skip
OF_A_SHELTER: Final = (
    (
        "/referral/people", "/referral/people", {"login": "b.keita", "role": "officer"},
        ['value="b.keita"', '<option value="officer" selected>'],
    ),
    (
        "/reporting/held", "/reporting/held", HELD,
        ['value="2026-05-20"', 'value="31"', '<option value="talk" selected>'],
    ),
)  # fmt: skip
#: What any of these would have left; a session that is said again takes its own place.
DONE: Final = """
    select (select count(*) from referral.organisation_versions where version > 1)
         + (select count(*) from referral.accounts where login = 'b.keita')
         + (select count(*) from reporting.publications)
         + (select count(distinct subject) from reporting.outbox where name = 'session.recorded')
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    everybody = (*DIRECTORY, an_organisation("COMITE", "committee"))
    async with open_address(shared_site, *everybody, services=tuple(SERVICES)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keeper(address: Address) -> AsyncIterator[Browser]:
    """Somebody of the committee."""
    async with address.browser() as opened:
        await opened.arrive("c.kone", organisation="COMITE", role="analyst")
        yield opened


def again_at(path: str) -> str:
    return f"/{path.split('/')[1]}/again"


async def back(browser: Browser, at: str, path: str, typed: Mapping[str, str]) -> httpx.Response:
    """The form is sent too late, and comes back to its own person."""
    kept = await late(browser, await browser.get(at), path, **typed)
    return await browser.send(again_at(path), kept=kept)


async def done(address: Address) -> int:
    return int((await address.site.rows(DONE))[0][0])


async def test_each_form_comes_back_to_its_own_person_as_it_was_typed_and_did_nothing(
    keeper: Browser, shelter: Browser, address: Address
) -> None:
    for who, other, forms in (
        (keeper, shelter, OF_THE_COMMITTEE), (shelter, keeper, OF_A_SHELTER),
    ):  # fmt: skip
        for at, path, typed, shown in forms:
            kept = await late(who, await who.get(at), path, **typed)
            others = await other.send(again_at(path), kept=kept)
            assert others.status_code in (403, 422), path
            again = await who.send(again_at(path), kept=kept)
            assert (again.status_code, "Vous êtes reconnecté." in words(again)) == (200, True), path
            assert [one for one in shown if one not in again.text] == [], path
            assert not [one for one in shown if one in others.text], path
    assert await done(address) == 0


async def test_what_comes_back_counts_once_it_is_sent_and_once_only(
    keeper: Browser, shelter: Browser, address: Address
) -> None:
    before = await done(address)
    path, typed = "/reporting/held", HELD
    again = await back(shelter, path, path, typed)
    for _ in range(2):
        sent = await shelter.press(again, path, **typed)
        assert "C’est enregistré" in words(sent)
    again = await back(shelter, "/referral/people", "/referral/people", OF_A_SHELTER[0][2])
    given = await shelter.press(again, "/referral/people", **OF_A_SHELTER[0][2])
    assert (given.status_code, "/join?token=" in given.text) == (200, True)
    again = await back(keeper, f"{SHELTER}/entry", f"{SHELTER}/entry", OF_THE_COMMITTEE[2][2])
    said = dict(re.findall(r'<input [^>]*name="(\w+)"[^>]* value="([^"]*)"', again.text)) | {
        "go": "keep"
    }
    kept = await keeper.send(f"{SHELTER}/entry", **said)
    assert "COMITE · Active Autre maison" in words(kept)
    assert await done(address) == before + 3


async def test_what_somebody_else_did_meanwhile_is_not_undone_by_a_late_form(
    keeper: Browser, address: Address
) -> None:
    late_entry = await late(
        keeper, await keeper.get(f"{SHELTER}/entry"), f"{SHELTER}/entry", **NAMED
    )
    page, why = await keeper.get(SHELTER), {"why": "Toit effondré"}
    late_state = await late(keeper, page, f"{SHELTER}/state", **why)
    await keeper.press(page, f"{SHELTER}/state", **why)

    entry = await keeper.send("/referral/again", kept=late_entry)
    assert (entry.status_code, "modifié cette fiche" in words(entry)) == (409, True)
    state = await keeper.send("/referral/again", kept=late_state)
    assert (state.status_code, 'value="Toit effondré"' in state.text) == (200, False)
