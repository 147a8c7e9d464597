"""On the invented decade: how long a report takes to draw up, and a board to be shown."""

import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest

from chassis.web import Entrance, Sessions, web_app
from deploy.directory import load_directory
from deploy.settings import PlatformSettings
from deploy.simulation.decade import Plan, a_decade
from services.reporting import api, pages
from services.reporting.domain import Window
from services.reporting.domain.edition import Edition
from services.reporting.editions import write_edition
from services.reporting.gateways.interval_solver import bounds_of
from services.reporting.pages.boards import add_boards
from services.reporting.use_cases import Happened, take_events
from services.reporting.use_cases.boarding import BOARDS, Boards
from services.reporting.use_cases.drawing import draw_edition
from services.reporting.use_cases.inventing import BATCH
from tests.ledger import Figure, Form
from tests.reporting.happenings import Roles, engines
from tests.reporting.test_api import MINT, bearer, key_of
from tests.reporting.test_page import HTML, NOON, token
from tests.servers import Database, PostgresServer
from tests.trust.telling import say

pytestmark = [pytest.mark.share("figures"), pytest.mark.timeout(1200)]
SEED = 20261129
CASES = 60_000
SPRING = datetime(2026, 4, 1, tzinfo=UTC)
#: How often somebody looks, and of how many looks one finds something counted since the last.
LOOKS, QUIET = 400, 20


@pytest.fixture(scope="module")
def decades(postgres_server: PostgresServer) -> Iterator[Database]:
    database = postgres_server.new_database()
    yield database
    postgres_server.drop(database)


def a_plan(cases: int) -> Plan:
    shipped = PlatformSettings.model_fields["directory_file"].default
    assert isinstance(shipped, Path)
    directory = load_directory(shipped)
    return Plan(first=2016, last=2025, cases=cases, seed=SEED, directory=directory)


async def take_in(roles: Roles, events: Sequence[Happened]) -> None:
    for first in range(0, len(events), BATCH):
        async with roles.work.begin() as connection:
            await take_events(connection, events[first : first + BATCH])


@asynccontextmanager
async def looking(roles: Roles) -> AsyncIterator[httpx.AsyncClient]:
    layout = pages.layout()
    app = web_app(title="Siraba reporting", pages=layout, prefix="/reporting")
    boards = Boards(engine=roles.web, clock=lambda: NOON)
    app.include_router(api.boards.router(boards, key_of=key_of, mint=MINT))
    sessions = Sessions(b"s" * 32, service="reporting", path="/reporting")
    door = Entrance(sessions=sessions, key_of=key_of, clock=lambda: NOON, roles=pages.ROLES)
    door.add_to(app)
    add_boards(app, layout, boards=boards, entrance=door, pause=0)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://a/reporting") as client:
        await client.get("/enter", params={"token": token()})
        yield client


async def seconds_of(client: httpx.AsyncClient, path: str) -> float:
    begun = time.monotonic()
    answer = await client.get(path, headers=HTML | bearer())
    assert answer.status_code == 200
    return time.monotonic() - begun


async def test_a_board_is_shown_at_once_while_events_come_in(
    decades: Database, form: Form, figure: Figure
) -> None:
    """One page of each board is open and hears of what is counted; others look at it meanwhile."""
    events = list(a_decade(a_plan(form.pick(short=CASES // 60, long=CASES))))
    chance, late = random.Random(SEED), events[-1_000:]
    paths = [f"/boards/{name}?year=2025" for name in BOARDS]
    async with engines(decades) as roles:
        await take_in(roles, events[:-1_000])
        async with looking(roles) as client:
            first = [await seconds_of(client, path) for path in paths]
            taken = []
            for nth in range(form.pick(short=LOOKS // 4, long=LOOKS)):
                if nth % QUIET == 0:
                    await take_in(roles, [late.pop(0) for _ in range(min(20, len(late)))])
                    for path in paths:
                        await client.get(path.replace("?", "/changes?"))
                taken.append(await seconds_of(client, chance.choice(paths)))
    p95 = sorted(taken)[len(taken) * 95 // 100]
    say(
        f"boards of {len(events)} events: p95 {p95:.3f} s, first looks {[round(s, 2) for s in first]}"
    )
    figure("figures.dashboard.p95_ms", round(1000 * p95, 1), seed=SEED)


@pytest.mark.long
async def test_a_year_of_the_decade_is_a_report_within_a_minute(
    decades: Database, tmp_path: Path, figure: Figure
) -> None:
    """The page, the PDF, the sheets and the manifest, from the facts to the files."""
    window = Window(start=date(2025, 1, 1), end=date(2026, 1, 1), as_of=SPRING)
    edition = Edition(audience="public", window=window)
    async with engines(decades) as roles:
        await take_in(roles, list(a_decade(a_plan(CASES))))
        begun = time.monotonic()
        drawn = await draw_edition(
            roles.work, edition, solve=partial(bounds_of, wide=edition.k), mint=MINT
        )
        counted = time.monotonic() - begun
        files = write_edition(drawn, tmp_path / "report", language="fr", sign=lambda _: "")
    seconds = time.monotonic() - begun

    say(f"report of 2025: {counted:.1f} s to draw up, {seconds - counted:.1f} s to write")
    assert {one.suffix for one in files} >= {".html", ".pdf", ".xlsx", ".csv"}
    figure("figures.report.seconds_decade", round(seconds, 1), seed=SEED)
