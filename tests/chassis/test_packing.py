"""A page is packed for our own pages alone: nobody else learns what is in it from its length (BREACH)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from chassis.web import Pages, web_app

SECRET = "Aminata-Traore-66012345"
PAGE = """{% extends "layout.html" %}{% block content %}<h1>{{ asked }}</h1><p>name={{ secret }}</p>
{% for nth in range(200) %}<p>{{ nth }} {{ _("Back to the start") }}</p>{% endfor %}{% endblock %}"""
OWN = {"sec-fetch-site": "same-origin"}
#: Whatever another site, an address typed by hand or a browser of before 2023 says.
NOT_OWN: Sequence[dict[str, str]] = [
    {}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"}, {"sec-fetch-site": "cross-site", "origin": "null"},
]  # fmt: skip


def an_app(folder: Path) -> FastAPI:
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    pages = Pages(templates=[folder])
    app = web_app(title="A service", pages=pages)

    @app.api_route("/", methods=["GET", "POST"])
    async def page(request: Request, asked: str = "") -> HTMLResponse:
        return pages.render(request, "page.html", {"asked": asked, "secret": SECRET})

    @app.get("/numbers")
    async def numbers() -> list[int]:
        return list(range(1000))

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def told() -> AsyncIterator[str]:
            for nth in range(1000):
                yield f"data: {nth}\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    return app


def browser(app: ASGIApp) -> httpx.AsyncClient:
    headers = {"accept": "text/html", "accept-encoding": "gzip, deflate, br"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a", headers=headers
    )


async def sizes(app: ASGIApp, guesses: Sequence[str], said: dict[str, str]) -> set[int]:
    """How long the answers to these guesses are on the line."""
    async with browser(app) as victim:
        answers = [await victim.get("/", params={"asked": one}, headers=said) for one in guesses]
    return {one.num_bytes_downloaded for one in answers}


async def test_a_page_is_packed_where_a_page_of_ours_asks_for_it(tmp_path: Path) -> None:
    async with browser(an_app(tmp_path)) as person:
        plain, packed = [await person.get("/", headers=said) for said in ({}, OWN)]
        sent = await person.post("/", headers=OWN)

    assert packed.text == plain.text == sent.text
    assert [one.headers.get("content-encoding") for one in (plain, packed, sent)] == [
        None, "gzip", "gzip",
    ]  # fmt: skip
    assert "Accept-Encoding" in packed.headers["vary"]
    assert packed.num_bytes_downloaded * 5 < plain.num_bytes_downloaded


@pytest.mark.parametrize("said", NOT_OWN)
async def test_what_another_site_may_have_asked_for_says_nothing_by_its_length(
    tmp_path: Path, said: dict[str, str]
) -> None:
    wrong, right = "name=" + "Oumou-Kone-77".ljust(len(SECRET), "8"), f"name={SECRET}"
    app = an_app(tmp_path)

    assert len(wrong) == len(right)
    assert len(await sizes(app, [wrong, right], said)) == 1
    # The control: a page that is packed for whoever asks gives the right guess away.
    everybodys = GZipMiddleware(app)
    assert len(await sizes(everybodys, [wrong, right], said)) == 2


async def test_numbers_events_and_files_go_out_as_they_are(tmp_path: Path) -> None:
    async with browser(an_app(tmp_path)) as person:
        for path in ("/numbers", "/events"):
            answer = await person.get(path, headers=OWN)
            assert "content-encoding" not in answer.headers, path
