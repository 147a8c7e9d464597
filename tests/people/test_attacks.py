"""Whoever forges, rides or writes into a session gets nothing by it, at any page."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.ledger import Figure
from tests.parts import Site
from tests.people.access_matrix import NOTHING
from tests.people.access_rows import read_lines
from tests.people.address import BASE, SERVICES, Address, Browser, hidden, open_address
from tests.people.attacks import (
    FOREIGN,
    MARKUP,
    active_in,
    foreign_forms,
    forged_cookies,
    forged_passes,
    form_lines,
    text_questions,
)
from tests.people.shared_address import DIRECTORY, browser, shared_site
from tests.people.test_intake_form import NEW, carried
from tests.people.test_own_cases import registered

__all__ = ["browser", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    services = tuple(SERVICES)
    async with open_address(shared_site, *DIRECTORY, services=services, operations=True) as opened:
        yield opened


async def test_no_forged_pass_cookie_or_form_is_taken(
    address: Address, browser: Browser, figure: Figure
) -> None:
    page = await browser.arrive("a.diarra")
    word = hidden(page, "/leave")["session_form"]
    session = browser.client.cookies["siraba_person"]
    ridden = await foreign_forms(browser, word)
    assert (await browser.get("/intake/")).status_code == 200
    through = [*await forged_passes(address), *await forged_cookies(browser, session), *ridden]

    assert len(form_lines()) * len(FOREIGN) >= 30
    assert through == []
    figure("people.forged.passed", len(through))


async def test_markup_in_any_field_is_shown_as_text(address: Address, browser: Browser) -> None:
    await browser.arrive("m.keita", organisation="POLICE_A", role="focal_point")
    guard = carried(await browser.get(NEW))
    pages, own = [], _of_a_case(await registered(browser))
    for markup in MARKUP:
        # Each screen shows its own fields and carries the others; the last reads all of them out.
        typed = dict.fromkeys(text_questions(), markup)
        for step in ("found", "person", "signs", "needs", "consent", "safety", "sealed", "review"):
            data = guard | typed | {"step": step, "go": step}
            pages.append(await browser.client.post(NEW, data=data, headers={"origin": BASE}))
        # A login takes its time, and three ways out of an attribute or a text are as good as twelve.
        others = {**_OTHERS, **own} if markup in MARKUP[:3] else {}
        for path, form in others.items():
            data = {**dict.fromkeys(form, markup), "session_form": guard["session_form"]}
            pages.append(await browser.client.post(path, data=data, headers={"origin": BASE}))
        pages.append(await browser.get("/join", token=markup))
        pages.append(await browser.get("/referral/", lang=markup))
    assert {page.headers["content-type"] for page in pages} == {"text/html; charset=utf-8"}
    assert [active_in(page.text) for page in pages if active_in(page.text)] == []
    assert sum("alert(1)" in page.text for page in pages) > len(MARKUP)


def _of_a_case(at: str) -> dict[str, tuple[str, ...]]:
    """The forms of a case's page with their fields."""
    return {
        f"{at}/consent": ("authority", "consent_health", "key"),
        f"{at}/closing": ("reason", "ends_services", "key"),
        f"{at}/reopening": ("reason", "needs", "key"),
        f"{at}/returns": ("return_type", "is_voluntary", "is_risk_assessed", "planned_for", "key"),
        f"{at}/returns/{NOTHING}": ("completed_on", "key"),
        f"{at}/followups/{NOTHING}": ("outcome", "key"),
        f"{at}/handovers": ("to", "agrees", "authority", "key"),
    }


_OTHERS = {
    "/login": ("login", "password", "code", "kept"), "/join": ("token", "sealed", "password"),
    "/intake/again": ("kept",), "/referral/again": ("kept",), "/reporting/again": ("kept",),
    "/intake/new/asked": ("number",),
    "/referral/room/shelter": ("places", "free", "key"), "/referral/account/sessions": ("session",),
    "/referral/account/password": ("password", "code", "new", "again"),
    "/referral/people": ("login", "role"),
    "/referral/account/codes": ("sealed", "new_code", "password", "code"),
    "/referral/organisations/SHELTER_B/state": ("state", "version", "why"),
    "/referral/organisations/SHELTER_B/entry": ("name_fr", "phone", "zones", "services", "version", "why"),
    "/referral/keys": ("file", "key"), "/referral/keys/waiting/SHELTER_B": ("file", "on", "key"),
    "/referral/keys/waiting/SHELTER_B/refusal": ("why", "on", "key"),
    f"/referral/proceedings/{NOTHING}": ("state", "on", "court", "proceeding_id", "key"),
    f"/referral/plans/{NOTHING}/wishes": (f"{NOTHING} shelter", "apart", "version", "key"),
    f"/referral/plans/{NOTHING}/sending": ("version", "key"),
    "/reporting/register": ("year", "audience"),
    "/reporting/held": ("kind", "held_on", "place", "language", "organiser", "women", "estimated_reach"),
}  # fmt: skip


async def test_no_page_can_be_put_into_anothers_frame(browser: Browser) -> None:
    await browser.arrive("a.diarra")
    for line in read_lines():
        if line.method == "GET" and line.door in ("page", "open"):
            answer = await browser.get(f"/{line.service}{line.path}")
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy, line.name
            assert "unsafe" not in policy
            assert answer.headers["x-frame-options"] == "DENY"
