"""The register of publications as a page: what is out, its files, and the form that asks for more."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from chassis.web import Entrance, Sessions, web_app
from contracts.callers import issue_token
from services.reporting import pages
from services.reporting.pages.register import FRESH, RegisterPages, add_register
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Roles, take
from tests.reporting.test_exports_api import EARLY, some_girls
from tests.reporting.test_page import HTML, words
from tests.reporting.test_publications import KEYS, Desk, count, desk
from tests.reporting.test_report import AS_OF, draw, edition

__all__ = ["desk", "one_database"]
pytestmark = pytest.mark.share("figures")
Window = httpx.AsyncClient


@pytest.fixture
def clock() -> list[datetime]:
    """What it is for the door."""
    return [AS_OF]


@pytest.fixture
async def window(desk: Desk, roles: Roles, clock: list[datetime]) -> AsyncIterator[Window]:
    """Somebody's browser; the publisher works when a test says so."""

    async def key_of(code: str) -> Any:
        return KEYS[code].public_key() if code in KEYS else None

    layout = pages.layout()
    app = web_app(title="Siraba reporting", pages=layout, prefix="/reporting")
    sessions = Sessions(b"s" * 32, service="reporting", path="/reporting")
    entrance = Entrance(sessions=sessions, key_of=key_of, clock=lambda: clock[0], roles=pages.ROLES)
    entrance.add_to(app)
    register = RegisterPages(
        web=roles.web, work=roles.work, mint=desk.publisher.mint, pages=layout, entrance=entrance,
        wake=lambda: desk.woken.append(None),
    )  # fmt: skip
    add_register(app, register)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting", headers=HTML
    ) as client:
        yield client


def a_link(organisation: str = "COMITE", role: str = "analyst") -> str:
    """What opens a session."""
    return issue_token(
        KEYS[organisation], organisation=organisation, role=role, audience="reporting", now=AS_OF
    )


async def enter(window: Window, organisation: str = "COMITE", role: str = "analyst") -> None:
    entered = await window.get("/enter", params={"token": a_link(organisation, role)})
    assert entered.status_code == 303


async def publish(window: Window, **answers: str) -> httpx.Response:
    """As a browser sends the form."""
    page = await window.get("/register/new")
    guard = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page.text))
    return await window.post("/register", data=guard | {"audience": "public"} | answers)


async def test_the_committee_publishes_from_a_page_and_finds_the_files_there(
    window: Window, desk: Desk, roles: Roles
) -> None:
    await take(roles.work, some_girls(40, year=2003, late=20).events)
    await draw(roles, edition(year=2003, as_of=EARLY))
    await enter(window)
    sent = await publish(window, year="2003")
    assert (sent.status_code, sent.headers["location"]) == (303, "/reporting/register?asked=true")
    waits = words((await window.get("/register?asked=true")).text)
    assert "Rapport de 2003 Public En cours d’établissement" in waits
    assert "revenez sur cette page" in waits
    assert len(desk.woken) == 1

    await desk.work("fr", "en")

    page = await window.get("/register")
    text_of = words(page.text)
    assert "En cours d’établissement" not in text_of
    assert "Corrige l’édition dont la situation est au 1 déc. 2026" in text_of
    assert re.search(r"\d+ chiffres ont changé", text_of)
    assert re.search(r"Contenu \d+ chiffres, ventilés en \d+ tableaux", text_of)
    found = re.findall(r'href="/reporting(/register/\d+/(fr|en)/[^"]+)"', page.text)
    assert len(found) == 4 * 7
    for path, _ in found[:7]:
        answer = await window.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.content
    english = words((await window.get("/register?lang=en")).text)
    assert "figures read otherwise" in english
    assert "1.0/" not in english


async def test_why_a_report_did_not_come_out_stands_there_in_words(
    window: Window, desk: Desk
) -> None:
    await enter(window)
    await publish(window, year="2002")
    await desk.work()
    text_of = words((await window.get("/register")).text)
    assert "Rapport de 2002 Public Non publié Rien n’est compté pour cette année" in text_of


@pytest.mark.parametrize(
    "answers",
    [{"year": "2099"}, {"year": "1999"}, {"year": "Kadi"}, {}, {"year": "2003", "audience": "all"}],
)
async def test_a_form_that_asks_for_nothing_that_there_is_comes_back(
    window: Window, roles: Roles, answers: dict[str, str]
) -> None:
    await enter(window)
    before = await count(roles, "publications")
    answer = await publish(window, **answers)
    assert answer.status_code == 422
    assert "Choisissez une année" in words(answer.text)
    assert "Kadi" not in answer.text
    assert await count(roles, "publications") == before


async def test_others_read_what_is_public_and_publish_nothing(
    window: Window, desk: Desk, roles: Roles
) -> None:
    await take(roles.work, some_girls(20, year=2001).events)
    drawn = await draw(roles, edition("internal", year=2001))
    await desk.work("fr")
    await enter(window)
    own = await window.get("/register")
    (path,) = re.findall(r'href="/reporting(/register/\d+/fr/report-fr\.pdf)"', own.text)[:1]
    assert "Interne : réservé au comité" in words(own.text)
    assert drawn.edition.audience == "internal"
    await window.post("/leave")
    await enter(window, "POLICE_A")
    others = await window.get("/register")
    assert others.status_code == 200
    assert "Interne" not in words(others.text)
    assert "/register/new" not in others.text
    assert (await window.get(path)).status_code == 404
    assert (await window.get("/register/new")).status_code == 403
    session = dict(re.findall(r'name="(session_form)" value="([^"]+)"', others.text))
    refused = await window.post("/register", data=session | {"year": "2001", "audience": "public"})
    assert refused.status_code == 403


async def test_whoever_came_in_long_ago_comes_in_again_before_publishing(
    window: Window, clock: list[datetime]
) -> None:
    await enter(window)
    clock[0] = AS_OF + FRESH - timedelta(seconds=1)
    assert (await publish(window, year="2003")).status_code == 303
    guard = {"session_form": "0" * 64, "year": "2003", "audience": "public"}
    assert (await window.post("/register", data=guard)).status_code == 403
    clock[0] = AS_OF + FRESH
    assert (await window.get("/register")).status_code == 200
    assert (await window.get("/register/new")).status_code == 401
    assert (await window.post("/register", data=guard)).status_code == 401
