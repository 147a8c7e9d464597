"""What somebody forgot to translate is found, in a catalogue and on a page."""

from datetime import date
from pathlib import Path
from typing import Final

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from chassis.web import Pages, web_app
from tests.people.untranslated import BothLanguages, said_on, same_in_both, untranslated_words

HEAD = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"
"""
DAY: Final = date(2026, 11, 24)
CAREFUL = '{% extends "layout.html" %}{% block content %}<h1>{{ _("Language") }}</h1>{% endblock %}'
#: What each page says in the same words to everybody, and what of it is found.
CARELESS = {
    "<p>Somebody waits for {{ number }}</p>": "Somebody waits for",
    '<img src="x" alt="The road">': "The road",
    "<p>Quelqu’un attend</p>": "Quelqu’un attend",
    "<p>ML-12 · {{ day|day }} · Waits</p>": "Waits",
    "<template>Kept here</template>": "Kept here",
}


def catalogue(root: Path, *said: str) -> list[str]:
    """What is found in a French catalogue that says this, of a page that asks for one word."""
    folder = root / "part" / "desk" / "locale" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "part" / "desk" / "page.html").write_text('{{ _("One") }}', encoding="utf-8")
    (folder / "siraba.po").write_text("\n".join([HEAD, *said]), encoding="utf-8")
    return [one.rpartition(": ")[2] for one in untranslated_words(root)]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('msgid "One"\nmsgstr "Un"\n', []),
        ('msgid "Two"\nmsgstr "Deux"\n', ["One"]),
        ('msgid "One"\nmsgstr ""\n', ["One"]),
        ('#, fuzzy\nmsgid "One"\nmsgstr "Un"\n', ["One"]),
        ('msgid "One"\nmsgid_plural "Many"\nmsgstr[0] "Un"\nmsgstr[1] ""\n', ["('One', 'Many')"]),
        (
            'msgid "One"\nmsgstr "Un"\n\nmsgid "It is still here"\nmsgstr "It is still here"\n',
            ["It is still here"],
        ),
    ],
)
def test_a_word_that_a_catalogue_lacks_leaves_empty_guesses_or_copies_is_found(
    tmp_path: Path, said: str, found: list[str]
) -> None:
    assert catalogue(tmp_path, said) == found


def an_app(folder: Path, planted: str) -> FastAPI:
    (folder / "page.html").write_text(CAREFUL.replace("</h1>", "</h1>" + planted), encoding="utf-8")
    pages = Pages(templates=[folder])
    app = web_app(title="A service", pages=pages)

    @app.get("/")
    async def page(request: Request) -> HTMLResponse:
        return pages.render(request, "page.html", {"number": 7, "day": DAY})

    return app


async def standing(folder: Path, planted: str) -> set[str]:
    read = BothLanguages(an_app(folder, planted), same_in_both())
    transport = httpx.ASGITransport(read)
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as browser:
        shown = await browser.get("/", headers={"accept": "text/html"})
    assert ("<h1>Langue</h1>" in shown.text, read.compared) == (True, 1)
    return read.standing


@pytest.mark.parametrize(("planted", "found"), CARELESS.items())
async def test_what_a_page_says_in_one_language_to_everybody_is_found(
    tmp_path: Path, planted: str, found: str
) -> None:
    assert await standing(tmp_path, "<p>Kayes, Kita</p>") == set()
    assert await standing(tmp_path, planted) == {f"/: {found}"}


def test_codes_numbers_and_what_is_named_as_foreign_are_no_words_of_a_page() -> None:
    page = '<html lang="fr"><p>ML-12-2026 · 7 mai</p><a lang="en">English</a><code>siraba up</code>'
    assert said_on(page) == set()
