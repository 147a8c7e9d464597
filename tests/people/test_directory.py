"""The committee's people see who takes part, suspend an organisation and take it back; others only look."""

import re
from contextlib import AsyncExitStack

import httpx
import pytest

from services.referral.use_cases import suspending
from tests.builders import an_organisation
from tests.parts import Site, site
from tests.people.address import Browser, open_address, words
from tests.people.test_people import a_person
from tests.people.test_signing_in import DIRECTORY, is_in

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
ALL = "/referral/organisations"
SHELTER = f"{ALL}/SHELTER_B"
BY = {"why": "Toit  effondré", "state": "suspended"}


async def anybody(*_: object) -> bool:
    """Keeps the directory."""
    return True


async def suspend(browser: Browser, page: httpx.Response, **changes: str) -> httpx.Response:
    """Send the form of this page, or one made up."""
    given = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page.text))
    return await browser.send(f"{SHELTER}/state", **{"version": "1", **given, **BY, **changes})


async def test_the_committee_suspends_and_takes_back_and_nobody_else_does(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        AsyncExitStack() as people,
        open_address(site, *DIRECTORY, an_organisation("COMITE", "committee")) as address,
    ):
        # An analyst's first page is one of a service that is not needed here.
        keeper = await people.enter_async_context(address.browser())
        await keeper.arrive("c.kone", organisation="COMITE", role="analyst")
        shelter = await a_person(people, address, "a.diarra")
        await try_as_a_stranger(shelter, monkeypatch)
        page = await keeper.get(SHELTER)
        assert "Dès cet instant, elle ne participe plus." in words(page)
        await try_what_does_not_fit(keeper, page)
        assert await is_in(shelter)

        done = await suspend(keeper, page)
        assert "COMITE · Suspendue Toit effondré" in words(done)
        assert not await is_in(shelter)
        await suspend(keeper, done, state="active", why="Toit réparé")
        assert "COMITE · Active Toit réparé" in words(await keeper.get(SHELTER))
    query = (
        "select role, person is not null from referral.organisation_versions"
        " where version = 2 and code = 'SHELTER_B'"
    )
    assert [tuple(one) for one in await site.rows(query)] == [("analyst", True)]


async def try_as_a_stranger(shelter: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger sees who takes part; to its form nothing is there."""
    listed = words(await shelter.get(ALL))
    assert all(code in listed for code in ("SHELTER_B", "COMITE"))
    seen = await shelter.get(f"{ALL}/COMITE")
    assert (seen.status_code, "/state" in seen.text) == (200, False)
    guard = _guard(await shelter.get("/referral/people"))
    forms = [(code, guard | BY | {"version": "1"}) for code in ("POLICE_A", "NOBODY")]
    hidden, nothing = [await shelter.send(f"{ALL}/{code}/state", **form) for code, form in forms]
    assert (hidden.status_code, hidden.content) == (404, nothing.content)
    # The control: were it not asked whose people they are, a stranger would suspend.
    with monkeypatch.context() as changed:
        changed.setattr(suspending, "may_keep", anybody)
        taken = await shelter.send(f"{ALL}/POLICE_A/state", **forms[0][1])
    assert "Suspendue" in words(taken)


async def try_what_does_not_fit(keeper: Browser, page: httpx.Response) -> None:
    """Each comes back with a word, and nothing has changed."""
    for faulty, said in (
        ({"why": " x "}, "Dites pourquoi"),
        ({"state": "gone"}, "Dites pourquoi"),
        ({"version": "7"}, "entre-temps"),
        ({"version": "Kadi"}, "entre-temps"),
        ({"state": "active"}, "C’est déjà le cas."),
    ):
        refused = await suspend(keeper, page, **faulty)
        assert (refused.status_code, said in words(refused)) == (422, True), faulty
        assert "Kadi" not in refused.text
    own = await keeper.get(f"{ALL}/COMITE")
    assert "/state" not in own.text
    form = _guard(page) | BY | {"version": "1"}
    assert "Le comité ne peut se suspendre" in words(
        await keeper.send(f"{ALL}/COMITE/state", **form)
    )


def _guard(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(session_form)" value="([^"]+)"', page.text)[:1])
