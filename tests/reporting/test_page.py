import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis.web import Entrance, Sessions, web_app
from contracts.callers import issue_token
from services.reporting import pages
from tests.reporting.happenings import Happenings, Roles, take

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
COMMITTEE = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
HTML = {"accept": "text/html,application/xhtml+xml"}


async def key_of(organisation: str) -> Ed25519PublicKey | None:
    return COMMITTEE.public_key() if organisation == "COMITE" else None


def token(role: str = "data_officer", *, now: datetime = NOON) -> str:
    return issue_token(COMMITTEE, organisation="COMITE", role=role, audience="reporting", now=now)


def words(text: str) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


@pytest.fixture
async def visitor(roles: Roles) -> AsyncIterator[httpx.AsyncClient]:
    happened = Happenings()
    for case in (1, 2):
        happened.registered(case)
        happened.offered(case, case)
    happened.stepped(1, 1, "accepted", minutes=91)
    happened.unplaced(2)
    await take(roles.work, happened.events)
    layout = pages.layout()
    app = web_app(title="Siraba reporting", pages=layout, prefix="/reporting")
    sessions = Sessions(b"s" * 32, service="reporting", path="/reporting")
    entrance = Entrance(sessions=sessions, key_of=key_of, clock=lambda: NOON, roles=pages.ROLES)
    pages.add_pages(app, layout, web=roles.web, entrance=entrance)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting", headers=HTML
    ) as client:
        yield client


@pytest.fixture
async def officer(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    entered = await visitor.get("/enter", params={"token": token()})
    assert entered.headers["location"] == "/reporting/"
    return visitor


async def test_the_four_figures_stand_there_with_their_units_in_french(
    officer: httpx.AsyncClient,
) -> None:
    answer = await officer.get("/")
    text = words(answer.text)

    assert (answer.status_code, answer.headers["content-language"]) == (200, "fr")
    assert "Victimes repérées 2 personnes" in text
    assert "Victimes référencées 2 personnes" in text
    assert "Référencements proposés 2 référencements" in text
    assert "Délai médian de réponse 1 h 30 min 1 référencement ayant reçu une réponse" in text
    assert "Proposé 1 Reçu 0 Accepté 1 Refusé 0 En retard 0 En cours 0 Rendu 0" in text
    assert "1 service sans solution" in text


async def test_the_page_tells_its_window_and_its_moment_in_english_too(
    officer: httpx.AsyncClient,
) -> None:
    text = words((await officer.get("/?lang=en")).text)

    assert "From January 1, 2026 to December 31, 2026, both included" in text
    assert re.search(r"As of Nov 24, 2026, 12:00:00\sPM UTC", text)
    assert "Victims detected 2 persons" in text
    assert "Offered 1 Received 0 Accepted 1" in text


async def test_an_analyst_reads_that_numbers_are_rounded_and_why_a_part_of_a_year_is_not_counted(
    visitor: httpx.AsyncClient,
) -> None:
    await visitor.get("/enter", params={"token": token("analyst")})
    page = words((await visitor.get("/")).text)
    assert "Victimes repérées 0 personne" in page
    assert "arrondi au multiple de 5" in page
    part = await visitor.get("/?from=2026-01-01&to=2026-02-01&lang=en")
    assert part.status_code == 422
    assert "Analysts see whole calendar years" in words(part.text)


async def test_the_form_asks_for_another_window(officer: httpx.AsyncClient) -> None:
    asked = {"from": "2025-01-01", "to": "2025-07-01", "as_of": ""}

    page = (await officer.get("/", params={"lang": "en"} | asked)).text

    assert "From January 1, 2025 to June 30, 2025" in words(page)
    assert "Victims detected 0 persons" in words(page)
    assert "Median time to an answer –" in words(page)
    assert 'name="from" type="date" required value="2025-01-01"' in page
    assert 'name="to" type="date" required value="2025-07-01"' in page


async def test_the_form_sends_a_moment_as_browsers_write_it(officer: httpx.AsyncClient) -> None:
    page = (await officer.get("/", params={"lang": "en", "as_of": "2026-11-24T06:00"})).text

    assert "Victims detected 0 persons" in words(page)
    assert re.search(r"As of Nov 24, 2026, 6:00:00\sAM UTC", words(page))
    assert 'value="2026-11-24T06:00"' in page


async def test_the_address_of_these_figures_shows_them_again(officer: httpx.AsyncClient) -> None:
    first = (await officer.get("/")).text
    link = re.search(r'href="/reporting(/\?from=[^"]*)"', first)

    assert link is not None
    assert "as_of=2026-11-24T12%3A00%3A00Z" in link[1]
    assert words((await officer.get(unescape(link[1]))).text) == words(first)


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ({"from": "2026-12-01", "to": "2026-11-01"}, "The period must begin before it ends."),
        ({"from": "Kadiatou"}, "The bounds of the period must be days."),
        ({"as_of": "Kadiatou"}, "The moment must be a date and a time."),
    ],
)
async def test_a_bad_window_brings_the_form_back_with_advice(
    officer: httpx.AsyncClient, asked: dict[str, str], advice: str
) -> None:
    answer = await officer.get("/", params={"lang": "en"} | asked)

    assert answer.status_code == 422
    assert advice in words(answer.text)
    assert "<details open" in answer.text.replace('class="card" ', "")
    assert 'value="Kadiatou"' not in answer.text


async def test_without_a_session_the_page_says_how_to_get_in(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/")

    assert answer.status_code == 401
    assert "Demandez votre lien à votre organisation" in words(answer.text)
    assert "Victimes" not in answer.text


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (token("officer"), 403),
        (token("operator"), 403),
        (token(now=NOON - timedelta(hours=1)), 401),
    ],
    ids=["an officer", "an operator", "too old"],
)
async def test_a_link_that_does_not_fit_opens_nothing(
    visitor: httpx.AsyncClient, given: str, status: int
) -> None:
    entered = await visitor.get("/enter", params={"token": given})

    assert (entered.status_code, "set-cookie" in entered.headers) == (status, False)
    assert (await visitor.get("/")).status_code == 401


async def test_whoever_leaves_has_left(officer: httpx.AsyncClient) -> None:
    await officer.post("/leave")

    assert (await officer.get("/")).status_code == 401


async def test_the_pages_need_no_script_no_inline_style_and_nothing_from_afar(
    officer: httpx.AsyncClient,
) -> None:
    shown = (await officer.get("/")).text
    await officer.post("/leave")

    for page in (shown, (await officer.get("/")).text):
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
        for link in re.findall(r'(?:href|src|action)="([^"]*)"', page):
            assert link.startswith(("/reporting/", "/login", "?", "#"))
