"""What programs get of editions that are out: files, tags, and clear answers to what is not there."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.web import add_api, web_app
from contracts.reporting import ReportPublished
from services.reporting import api
from services.reporting.exports import EXPORTS, as_csv, lines
from services.reporting.use_cases.drawing import Drawn
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Happenings, Roles, take
from tests.reporting.test_api import MINT, SECRET_WORD, bearer, key_of
from tests.reporting.test_report import AS_OF, a_year, draw, edition

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
EARLY = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
async def client(roles: Roles) -> AsyncIterator[httpx.AsyncClient]:
    app = web_app(title="Siraba reporting", prefix="/reporting")
    # The web role alone, which may not write: an export publishes nothing.
    later = replace(MINT, now_ms=lambda: int(AS_OF.timestamp() * 1000))
    add_api(app, api.router(web=roles.web, key_of=key_of, mint=later))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting"
    ) as client:
        yield client


async def ask(client: httpx.AsyncClient, path: str, **asked: Any) -> httpx.Response:
    return await client.get(path, params=asked, headers=bearer(role="data_officer", now=AS_OF))


def some_girls(count: int, *, year: int = 2010, late: int = 0) -> Happenings:
    """All of them found on one day; `late` of them registered after the early edition."""
    happened = Happenings()
    for case in range(count):
        minutes = 60 * 24 * 20 if case >= count - late else 0
        happened.registered(case, detected_on=date(year, 5, 1), minutes=minutes)
    return happened


async def told(roles: Roles) -> list[ReportPublished]:
    """The events that wait for the relay, in their order."""
    async with roles.work.connect() as connection:
        found = await connection.scalars(text("select body from outbox order by position"))
        return [ReportPublished.model_validate_json(body) for body in found]


def shown(drawn: Drawn) -> dict[str, list[tuple[str, int | None, int | None]]]:
    return {one.name: one.said for one in drawn.tables}


@pytest.mark.parametrize("name", EXPORTS)
async def test_an_export_is_the_edition_that_is_out_whatever_came_since(
    client: httpx.AsyncClient, roles: Roles, name: str
) -> None:
    year = 2001 + [*EXPORTS].index(name)
    happened = a_year(year)
    await take(roles.work, happened.events)
    drawn = await draw(roles, edition(year=year))
    await take(roles.work, a_year(year - 500).events)

    answer = await ask(client, f"/exports/{name}", year=year)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text == as_csv(lines(EXPORTS[name], drawn))
    again = await client.get(
        f"/exports/{name}",
        params={"year": year},
        headers=bearer(role="analyst", now=AS_OF) | {"if-none-match": answer.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    dictionary = await ask(client, f"/exports/{name}/dictionary")
    rows = list(csv.DictReader(io.StringIO(dictionary.text)))
    assert [one["column"] for one in rows] == [column for column, _, _ in EXPORTS[name].columns]


async def test_a_later_edition_is_told_as_a_correction_and_once(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    happened = some_girls(40, late=20)
    await take(roles.work, happened.events)
    before = await told(roles)

    first = await draw(roles, edition(year=2010, as_of=EARLY))
    second = await draw(roles, edition(year=2010))
    await draw(roles, edition(year=2010, as_of=EARLY))

    early, late = (await told(roles))[len(before) :]
    assert (early.revises, early.moved) == (None, 0)
    assert late.revises == EARLY
    assert late.moved > 0
    assert early.tables != late.tables
    assert shown(first) != shown(second)
    out = [one for one in (await ask(client, "/editions")).json() if one["from"] == "2010-01-01"]
    assert [one["as_of"] for one in out] == ["2026-12-01T00:00:00Z", "2027-01-15T00:00:00Z"]
    both = [
        await ask(client, "/exports/ctdc", year=2010, **moment)
        for moment in ({"as_of": "2026-12-01T00:00:00Z"}, {})
    ]
    assert [one.status_code for one in both] == [200, 200]
    assert both[0].headers["etag"] != both[1].headers["etag"]


async def test_nobody_changes_an_edition_that_is_out(roles: Roles) -> None:
    await take(roles.work, some_girls(20, year=2011).events)
    await draw(roles, edition(year=2011))
    for change in ("update editions set tables = '{}'", "delete from editions"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with roles.work.begin() as connection:
                await connection.execute(text(change))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with roles.web.begin() as connection:
            await connection.execute(text("insert into editions (name) values (null)"))


async def test_what_was_only_for_inside_is_no_export(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    await take(roles.work, some_girls(20, year=2012).events)
    await draw(roles, edition("internal", year=2012))
    answer = (await ask(client, "/exports/glotip", year=2012)).json()
    (wrong,) = answer["errors"]
    assert (answer["code"], wrong["field"], wrong["place"]) == ("edition_not_out", "year", "query")
    assert "2012" not in wrong["allowed"]


async def test_a_year_or_moment_that_is_not_out_is_answered_with_those_that_are(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    await take(roles.work, some_girls(20, year=2013).events)
    await draw(roles, edition(year=2013))

    year, moment = [
        (await ask(client, "/exports/glotip", **asked)).json()["errors"]
        for asked in ({"year": 2031}, {"year": 2013, "as_of": "2020-01-01T00:00:00Z"})
    ]

    assert year[0]["field"] == "year"
    assert "2013" in year[0]["allowed"]
    assert moment == [
        {
            "field": "as_of",
            "rule": "edition_not_out",
            "place": "query",
            "allowed": ["2027-01-15T00:00:00Z"],
        }
    ]


@pytest.mark.parametrize(
    ("path", "asked", "status", "code", "field"),
    [
        ("/exports/glotip", {"year": 2031}, 404, "edition_not_out", "year"),
        ("/exports/glotip", {"year": SECRET_WORD}, 422, "invalid_request", "year"),
        ("/exports/glotip", {"year": 1492}, 422, "invalid_request", "year"),
        ("/exports/glotip", {}, 422, "invalid_request", "year"),
        ("/exports/glotip", {"year": 2031, "as_of": SECRET_WORD}, 422, "invalid_request", "as_of"),
        ("/exports/glotip", {"year": 2031, SECRET_WORD: 1}, 422, "invalid_request", "*"),
        (f"/exports/{SECRET_WORD}", {"year": 2031}, 404, "unknown_export", "name"),
        (f"/exports/{SECRET_WORD}/dictionary", {}, 404, "unknown_export", "name"),
    ],
)
async def test_a_bad_question_for_an_export_hears_what_is_wrong(
    *,
    client: httpx.AsyncClient,
    path: str,
    asked: dict[str, Any],
    status: int,
    code: str,
    field: str | None,
) -> None:
    answer = await ask(client, path, **asked)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in answer.json().get("errors", [])] == ([field] if field else [])
    assert SECRET_WORD not in answer.text


@pytest.mark.parametrize(
    "path", ["/editions", "/exports/ctdc?year=2031", "/exports/ctdc/dictionary"]
)
async def test_an_export_is_for_those_who_see_figures(client: httpx.AsyncClient, path: str) -> None:
    officer = await client.get(path, headers=bearer(role="officer", now=AS_OF))
    assert officer.json()["code"] == "role_forbidden"
    assert (await client.get(path)).status_code == 401
