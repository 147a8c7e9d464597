"""Publishing by HTTP: asked once, drawn beside the service's loop, out whole or not at all."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_bytes
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.database import open_engine
from chassis.web import add_api, web_app
from services.reporting import api
from services.reporting.editions import edition_in, write_edition
from services.reporting.publisher import MOST_TRIES, POOL, Publisher
from services.reporting.store import membership
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Happenings, Roles, take
from tests.reporting.test_api import COMMITTEE, MINT, SECRET_WORD, STRANGER, bearer
from tests.reporting.test_exports_api import some_girls, told
from tests.reporting.test_report import AS_OF, a_year, draw, edition
from tests.servers import Database

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
#: What other tests have published stays: it is as if it were laid out.
OTHERS_FILES = text("""
    insert into edition_files (edition, language, name, content, digest)
    select name, language, 'other.csv', '', '' from editions, unnest(array['fr', 'en']) as language
    on conflict do nothing
""")
KEYS = {"COMITE": COMMITTEE, "POLICE_A": STRANGER}


@dataclass(slots=True)
class Desk:
    """The routes, and the publisher that no loop runs: each test says when it works."""

    client: httpx.AsyncClient
    publisher: Publisher
    woken: list[None]

    async def ask(self, year: int, *, status: int = 202, **more: Any) -> dict[str, Any]:
        answer = await self.client.post(
            "/publications", json={"year": year, **more}, headers=analyst()
        )
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def work(self, *languages: str) -> None:
        """All that waits; what is out is laid out in these languages."""
        await replace(self.publisher, languages=languages)._once(threading.Event())

    async def become(self, asked: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.get(f"/publications/{asked['id']}", headers=analyst())
        return dict(answer.json())

    async def get(self, path: str, *, role: str = "analyst") -> httpx.Response:
        return await self.client.get(path, headers=bearer(role=role, now=AS_OF))


def analyst() -> dict[str, str]:
    return bearer(role="analyst", now=AS_OF)


def sign(_: bytes) -> str:
    return "signed"


@pytest.fixture
async def desk(roles: Roles, one_database: Database) -> AsyncIterator[Desk]:
    mint = replace(MINT, now_ms=lambda: int(AS_OF.timestamp() * 1000), entropy=token_bytes)

    async def key_of(code: str) -> Any:
        return KEYS[code].public_key() if code in KEYS else None

    async def wake_relay() -> None:
        """No relay runs here: what was queued is looked up."""

    url = one_database.url("reporting_work")
    publisher = Publisher(
        engine=roles.work,
        open_engine=lambda: open_engine(url, schema="reporting", pool_size=POOL),
        sign=sign,
        mint=mint,
        wake_relay=wake_relay,
    )
    woken: list[None] = []
    app = web_app(title="Siraba reporting", prefix="/reporting")
    add_api(app, api.router(web=roles.web, key_of=key_of, mint=mint))
    desk = api.PublicationDesk(
        work=roles.work, key_of=key_of, mint=mint, wake=lambda: woken.append(None)
    )
    add_api(app, api.publication_router(desk))
    happened = Happenings()
    happened.organisation("COMITE", kind="committee")
    happened.organisation("POLICE_A", kind="police")
    await take(roles.work, happened.events)
    async with roles.work.begin() as connection:
        await connection.execute(OTHERS_FILES)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting"
    ) as client:
        yield Desk(client, publisher, woken)


async def test_an_edition_is_asked_for_once_and_comes_out_with_the_files_of_the_command_line(
    desk: Desk, roles: Roles, tmp_path: Path
) -> None:
    await take(roles.work, a_year(2016).events)
    first, again = await desk.ask(2016), await desk.ask(2016)
    assert (first["state"], first["edition"]) == ("waiting", None)
    assert again["id"] == first["id"]
    assert len(desk.woken) == 2

    await desk.work("fr", "en")

    done = await desk.become(first)
    assert (done["state"], done["refusal"]) == ("out", None)
    assert (await desk.ask(2016, status=200))["edition"] == done["edition"]
    whole = (await desk.get(f"/editions/{done['edition']}")).json()
    assert (whole["from"], whole["as_of"]) == ("2016-01-01", "2027-01-15T00:00:00Z")
    assert whole["figures"] > 20
    assert whole["hiding"] > 0
    drawn = await draw(roles, edition(year=2016))
    for language in ("fr", "en"):
        write_edition(drawn, tmp_path / language, language=language, sign=sign)
        names = sorted(one["name"] for one in whole["files"] if one["language"] == language)
        assert names == sorted(one.name for one in (tmp_path / language).iterdir())
        for name in names:
            answer = await desk.get(f"/editions/{whole['number']}/files/{language}/{name}")
            assert answer.content == (tmp_path / language / name).read_bytes(), name
            assert "attachment" in answer.headers["content-disposition"]
            seen = analyst() | {"if-none-match": answer.headers["etag"]}
            unchanged = await desk.client.get(answer.request.url, headers=seen)
            assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_a_correction_is_laid_out_with_what_moved_as_the_command_line_lays_it_out(
    desk: Desk, roles: Roles, tmp_path: Path
) -> None:
    await take(roles.work, some_girls(40, year=2013, late=20).events)
    early = await desk.ask(2013, as_of="2026-12-01T00:00:00Z")
    await desk.work()
    late = await desk.ask(2013)
    await desk.work("fr")

    number = (await desk.become(late))["edition"]
    whole = (await desk.get(f"/editions/{number}")).json()
    assert (await desk.become(early))["edition"] < number
    assert whole["revises"] == "2026-12-01T00:00:00Z"
    assert whole["moved"] > 0
    drawn = await draw(roles, edition(year=2013))
    assert drawn.revised is not None
    files = write_edition(drawn, tmp_path / "fr", language="fr", sign=sign)
    for file in files:
        answer = await desk.get(f"/editions/{number}/files/fr/{file.name}")
        assert answer.content == file.read_bytes(), file.name


@pytest.mark.parametrize(
    ("asked", "field", "rule"),
    [
        ({"year": 2028}, "year", "year_that_has_begun"),
        ({"year": 1492}, "year", "greater_than_equal"),
        ({"year": "2016"}, "year", "int_type"),
        ({"year": 2016, "as_of": SECRET_WORD}, "as_of", "moment_with_offset"),
        ({"year": 2016, "audience": SECRET_WORD}, "audience", "literal_error"),
        ({"year": 2016, SECRET_WORD: 1}, "*", "extra_forbidden"),
        ({}, "year", "missing"),
    ],
)
async def test_what_cannot_be_published_is_refused_and_nothing_waits(
    *, desk: Desk, roles: Roles, asked: dict[str, Any], field: str, rule: str
) -> None:
    before = await count(roles, "publications")
    answer = await desk.client.post("/publications", json=asked, headers=analyst())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [(one["field"], one["rule"]) for one in answer.json()["errors"]] == [(field, rule)]
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET_WORD not in answer.text
    assert await count(roles, "publications") == before


async def test_only_the_committee_publishes_and_sees_what_is_internal(
    desk: Desk, roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    await take(roles.work, some_girls(20, year=2014).events)
    stranger = bearer(role="analyst", organisation="POLICE_A", key=STRANGER, now=AS_OF)
    for who in (stranger, bearer(role="operator", now=AS_OF)):
        answer = await desk.client.post("/publications", json={"year": 2014}, headers=who)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_forbidden")
    asked = await desk.ask(2014, audience="internal")
    seen = await desk.client.get(f"/publications/{asked['id']}", headers=stranger)
    assert seen.json()["code"] == "role_forbidden"
    await desk.work("fr")

    number = (await desk.become(asked))["edition"]
    for path in (f"/editions/{number}", f"/editions/{number}/files/fr/report-fr.pdf"):
        assert (await desk.get(path)).status_code == 200
        hidden = await desk.client.get(path, headers=stranger)
        nothing = await desk.client.get("/editions/99999", headers=stranger)
        assert (hidden.status_code, hidden.content) == (404, nothing.content)
    assert (await desk.get(f"/editions/{number}/files/fr/{SECRET_WORD}")).status_code == 404
    assert (await desk.get(f"/editions/{number}", role="officer")).status_code == 403
    async with roles.work.connect() as connection:
        said = await connection.execute(
            text("select organisation, role, parts from audit where action = 'edition.asked'")
        )
        assert ("COMITE", "analyst", "internal 2014") in [tuple(row) for row in said]
        assert {row.organisation for row in said} <= {"COMITE"}
    # The control: were it not asked who is the committee, a stranger would have both.
    monkeypatch.setattr(membership, "is_committee", anybody)
    path = f"/editions/{number}/files/fr/report-fr.pdf"
    assert (await desk.client.get(path, headers=stranger)).status_code == 200
    answer = await desk.client.post("/publications", json={"year": 2014}, headers=stranger)
    assert answer.status_code == 202


async def anybody(*_: object) -> bool:
    """Is the committee."""
    return True


async def test_why_nothing_comes_out_is_told_and_it_may_be_asked_for_again(
    desk: Desk, roles: Roles
) -> None:
    first = await desk.ask(2009)
    await desk.work()
    refused = await desk.become(first)
    assert (refused["state"], refused["refusal"]) == ("refused", "nothing_counted")
    await take(roles.work, some_girls(20, year=2009).events)
    again = await desk.ask(2009)
    assert again["id"] != first["id"]
    await desk.work()
    assert (await desk.become(again))["state"] == "out"
    assert (await desk.become(first))["state"] == "refused"
    async with roles.work.begin() as connection:
        await connection.execute(text("update facts_cases set exploitation = '{nonsense}'"))
    third = await desk.ask(2009, as_of="2026-12-30T00:00:00Z")
    await desk.work()
    assert (await desk.become(third))["refusal"] == "unknown_code"


async def test_whatever_dies_in_between_leaves_nothing_half_out_and_the_next_goes_on(
    desk: Desk, roles: Roles
) -> None:
    await take(roles.work, some_girls(30, year=2008).events)
    asked = await desk.ask(2008)
    before = [await count(roles, one) for one in ("editions", "published", "edition_files")]
    events = len(await told(roles))
    for step in (0, 5, 30, 50):
        await desk.publisher._work(DiesAt(step))
        assert (await desk.become(asked))["state"] == "waiting"
        await retried(roles)
    assert [await count(roles, o) for o in ("editions", "published", "edition_files")] == before
    assert len(await told(roles)) == events

    await desk.work("en")

    done = await desk.become(asked)
    whole = (await desk.get(f"/editions/{done['edition']}")).json()
    assert done["state"] == "out"
    assert {one["language"] for one in whole["files"]} == {"en"}
    assert len(await told(roles)) == events + 1


async def test_between_an_edition_and_its_files_nothing_is_lost(desk: Desk, roles: Roles) -> None:
    await take(roles.work, some_girls(30, year=2007).events)
    await draw(roles, edition(year=2007))  # as the command line does
    asked = await desk.ask(2007, status=200)
    assert (await desk.get(f"/editions/{asked['edition']}")).json()["files"] == []

    def broken(_: bytes) -> str:
        raise OSError("no key")

    await replace(desk.publisher, sign=broken, languages=("fr",))._once(threading.Event())
    assert (await desk.get(f"/editions/{asked['edition']}")).json()["files"] == []
    await desk.work("fr")
    assert len((await desk.get(f"/editions/{asked['edition']}")).json()["files"]) == 7
    for change in ("update edition_files set content = ''", "delete from edition_files"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with roles.work.begin() as connection:
                await connection.execute(text(change))


async def test_what_fails_time_and_again_is_given_up_with_a_word(desk: Desk, roles: Roles) -> None:
    await take(roles.work, some_girls(20, year=2006).events)
    asked = await desk.ask(2006)
    for _ in range(MOST_TRIES):
        await desk.publisher._work(DiesAt(1))
    assert (await desk.become(asked))["state"] == "waiting"
    await desk.work()
    assert (await desk.become(asked))["refusal"] == "failed"


async def test_two_processes_draw_an_edition_once(desk: Desk, roles: Roles) -> None:
    await take(roles.work, some_girls(20, year=2005).events)
    asked = await desk.ask(2005)
    await asyncio.gather(desk.work(), desk.work())
    await desk.work()
    async with roles.work.connect() as connection:
        tries = await connection.scalar(
            text("select tries from publications where id = cast(:id as uuid)"), {"id": asked["id"]}
        )
    assert tries == 1
    assert (await desk.become(asked))["state"] == "out"


async def test_the_publisher_works_by_itself_as_soon_as_it_is_asked(
    desk: Desk, roles: Roles
) -> None:
    await take(roles.work, some_girls(20, year=2004).events)
    publisher = replace(desk.publisher, languages=("fr",))
    running = asyncio.create_task(publisher.run())
    try:
        asked = await desk.ask(2004)
        publisher.wake()
        async with asyncio.timeout(60):
            while (await desk.become(asked))["state"] == "waiting":
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    done = await desk.become(asked)
    manifest = f"/editions/{done['edition']}/files/fr/manifest.json"
    async with asyncio.timeout(60):
        while (answer := await desk.get(manifest)).status_code == 404:
            await desk.work("fr")
    assert edition_in(answer.content)[0].name.startswith("annual/public/2004-01-01/2005-01-01/")


class DiesAt(threading.Event):
    """A process that ends after so many steps."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._left = step

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


async def count(roles: Roles, table: str) -> int:
    async with roles.work.connect() as connection:
        return int(await connection.scalar(text(f"select count(*) from {table}")) or 0)


async def retried(roles: Roles) -> None:
    """As if it had not been tried: this test is about dying, another about giving up."""
    async with roles.work.begin() as connection:
        await connection.execute(text("update publications set tries = 0"))
