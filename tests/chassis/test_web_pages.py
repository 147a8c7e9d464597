import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from babel.messages.pofile import read_po
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from chassis.web import LANGUAGES, Pages, web_app
from chassis.web.pages import format_duration
from tests.people.untranslated import ROOT, catalogue_owners, name_of, used_in

PAGE = """
{% extends "layout.html" %}{% from "parts.html" import figure, table %}
{% block title %}{{ _("Language") }}{% endblock %}
{% block content %}<h1>{{ _("Back to the start") }}</h1>
{{ 12345|number }} {{ day|day }} {{ wait|duration }} {{ said }}
{{ figure("A", 1, "b") }}{{ table("C", ["D", "E"], [["f", 2]], numeric=[1]) }}{% endblock %}
"""
HTML = {"accept": "text/html,application/xhtml+xml"}
CONTEXT = {"day": date(2026, 11, 24), "wait": timedelta(minutes=85), "said": "<script>"}


def an_app(folder: Path) -> FastAPI:
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    pages = Pages(templates=[folder])
    app = web_app(title="A service", pages=pages, prefix="/a")

    @app.get("/")
    async def home(request: Request) -> HTMLResponse:
        return pages.render(request, "page.html", CONTEXT, kept={"page": "2"})

    return app


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(an_app(tmp_path)), headers=HTML, base_url="http://a/a"
    ) as client:
        yield client


def heading(text: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", text)
    return found[1] if found else ""


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", "fr"), ("en", "en"), ("en-GB,en;q=0.9,fr;q=0.8", "en"), ("fr;q=0.5,en;q=0.4", "fr"),
        ("de,en;q=0.2", "en"), ("bm,de", "fr"), ("en;q=0", "fr"), ("en;q=high", "fr"), (";;,", "fr"),
    ],
)  # fmt: skip
async def test_the_page_speaks_the_language_the_browser_prefers(
    client: httpx.AsyncClient, accepted: str, expected: str
) -> None:
    response = await client.get("/", headers={"accept-language": accepted})

    assert f'<html lang="{expected}">' in response.text
    assert response.headers["content-language"] == expected


async def test_a_chosen_language_wins_and_stays(client: httpx.AsyncClient) -> None:
    first = await client.get("/?lang=en", headers={"accept-language": "fr"})
    later = await client.get("/", headers={"accept-language": "fr"})

    assert (heading(first.text), heading(later.text)) == ("Back to the start",) * 2
    assert heading((await client.get("/?lang=xx")).text) == "Back to the start"
    assert heading((await client.get("/?lang=fr")).text) == "Retour à l’accueil"


async def test_the_switch_keeps_what_the_page_checked_and_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    text = (await client.get("/?page=2&token=secret&other=secret")).text

    assert 'href="?page=2&amp;lang=en"' in text
    assert "secret" not in text


async def test_numbers_days_and_durations_are_written_as_the_language_does(
    client: httpx.AsyncClient,
) -> None:
    french, english = [(await client.get(f"/?lang={language}")).text for language in LANGUAGES]

    assert re.search(r"12\s345 24 novembre 2026 1\s?h 25\s?min", french)
    assert "12,345 November 24, 2026 1 hr 25 min" in english


async def test_what_is_shown_is_escaped(client: httpx.AsyncClient) -> None:
    assert "<script>" not in (await client.get("/")).text


class Elements(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


async def test_a_page_needs_no_script_no_inline_style_and_nothing_from_afar(
    client: httpx.AsyncClient,
) -> None:
    for tag, attributes in Elements((await client.get("/")).text).seen:
        assert tag not in ("script", "style", "iframe")
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        for name in ("href", "src", "action"):
            assert (attributes.get(name) or "/a/").startswith(("/a/", "?", "#"))


async def test_a_page_can_be_found_through_without_eyes(client: httpx.AsyncClient) -> None:
    elements = Elements((await client.get("/")).text).seen
    tags = [tag for tag, _ in elements]

    assert (tags.count("main"), tags.count("h1"), tags.count("title")) == (1, 1, 1)
    assert ("a", {"class": "skip", "href": "#content"}) in elements
    assert all("alt" in attributes for tag, attributes in elements if tag == "img")
    assert all("scope" in attributes for tag, attributes in elements if tag == "th")
    assert any(attributes.get("name") == "viewport" for _, attributes in elements)


async def test_every_file_a_page_links_is_served(client: httpx.AsyncClient) -> None:
    elements = Elements((await client.get("/")).text).seen
    links = {attributes.get("href") or attributes.get("src") for _, attributes in elements}

    for link in filter(None, links):
        if link.startswith("/a/static/"):
            assert (await client.get(f"http://a{link}")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [("/nowhere", 404, "Cette page n’existe pas"), ("/enter", 404, "Cette page n’existe pas")],
)
async def test_a_person_who_goes_wrong_gets_a_page(
    client: httpx.AsyncClient, path: str, status: int, expected: str
) -> None:
    response = await client.get(path)

    assert (response.status_code, heading(response.text)) == (status, expected)
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("seconds", "english"),
    [
        (0, "0 sec"), (59, "59 sec"), (60, "1 min"), (3661, "1 hr 1 min"), (7200, "2 hr"),
        (90000, "1 day 1 hr"), (86400 * 3 + 59, "3 days"),
    ],
)  # fmt: skip
def test_a_duration_has_at_most_two_units(seconds: int, english: str) -> None:
    assert format_duration(timedelta(seconds=seconds), "en") == english


@pytest.mark.parametrize(
    "owner", catalogue_owners(), ids=lambda owner: str(owner.relative_to(ROOT))
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_catalogue_holds_what_no_page_says(owner: Path, language: str) -> None:
    with (owner / "locale" / language / "LC_MESSAGES" / "siraba.po").open("rb") as file:
        known = {name_of(one) for one in read_po(file, locale=language) if one.id}

    assert known == used_in(owner)
