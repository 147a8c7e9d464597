"""On the invented decade: how long a report takes to draw up, and a board to be shown."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from chassis.web import Entrance, Sessions, web_app
from deploy.directory import load_directory
from deploy.settings import PlatformSettings
from deploy.simulation.decade import Plan, a_decade
from services.reporting import pages
from services.reporting.domain import Window
from services.reporting.domain.edition import Edition
from services.reporting.editions import write_edition
from services.reporting.gateways.interval_solver import Bounding
from services.reporting.pages.boards import add_boards
from services.reporting.use_cases import Happened, take_events
from services.reporting.use_cases.boarding import BOARDS, Boards
from services.reporting.use_cases.drawing import draw_edition
from services.reporting.use_cases.inventing import BATCH
from tests.ledger import Figure, Form
from tests.reporting.happenings import Roles, engines
from tests.reporting.test_api import MINT, key_of
from tests.reporting.test_page import HTML, NOON, token
from tests.servers import Database, PostgresServer
from tests.trust.telling import say

pytestmark = [pytest.mark.share("figures"), pytest.mark.timeout(1200)]
SEED = 20261129
SPRING = datetime(2026, 4, 1, tzinfo=UTC)
#: How often somebody looks, and of how many looks one finds something counted since the last.
LOOKS, QUIET = 400, 20
#: Events that come in meanwhile.
LATE = 400


@dataclass(frozen=True, slots=True)
class Decade:
    """Ten years in a database; late: what was not taken in yet."""

    database: Database
    late: list[Happened]


@pytest.fixture(scope="module")
def decade(postgres_server: PostgresServer, form: Form) -> Iterator[Decade]:
    shipped = PlatformSettings.model_fields["directory_file"].default
    assert isinstance(shipped, Path)
    plan = Plan(
        first=2016,
        last=2025,
        cases=form.pick(short=1_000, long=60_000),
        seed=SEED,
        directory=load_directory(shipped),
    )
    events = list(a_decade(plan))
    database = postgres_server.new_database()
    asyncio.run(filled(database, events[:-LATE]))
    yield Decade(database, events[-LATE:])
    postgres_server.drop(database)


async def filled(database: Database, events: Sequence[Happened]) -> None:
    async with engines(database) as roles:
        for first in range(0, len(events), BATCH):
            await take_in(roles, events[first : first + BATCH])


async def take_in(roles: Roles, events: Sequence[Happened]) -> None:
    async with roles.work.begin() as connection:
        await take_events(connection, events)


@asynccontextmanager
async def looking(roles: Roles) -> AsyncIterator[httpx.AsyncClient]:
    layout = pages.layout()
    app = web_app(title="Siraba reporting", pages=layout, prefix="/reporting")
    boards = Boards(engine=roles.web, clock=lambda: NOON)
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
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200
    return time.monotonic() - begun


async def test_a_board_is_shown_at_once_while_events_come_in(
    decade: Decade, form: Form, figure: Figure
) -> None:
    """One page of each board is open and hears of what is counted; others look at it meanwhile."""
    chance, taken = random.Random(SEED), []
    paths = [f"/boards/{name}?year=2025" for name in BOARDS]
    async with engines(decade.database) as roles, looking(roles) as client:
        first = [await seconds_of(client, path) for path in paths]
        for nth in range(form.pick(short=LOOKS // 4, long=LOOKS)):
            if nth % QUIET == 0:
                await take_in(roles, [decade.late.pop(0) for _ in range(LATE * QUIET // LOOKS)])
                for path in paths:
                    await client.get(path.replace("?", "/changes?"))
            taken.append(await seconds_of(client, chance.choice(paths)))
    p95 = sorted(taken)[len(taken) * 95 // 100]
    say(f"boards: p95 {p95:.3f} s, first looks {[round(one, 2) for one in first]}")
    figure("figures.dashboard.p95_ms", round(1000 * p95, 1), seed=SEED)


@pytest.mark.long
async def test_a_year_of_the_decade_is_a_report_within_a_minute(
    decade: Decade, tmp_path: Path, figure: Figure
) -> None:
    """The page, the PDF, the sheets and the manifest, from the facts to the files."""
    window = Window(start=date(2025, 1, 1), end=date(2026, 1, 1), as_of=SPRING)
    edition = Edition(audience="public", window=window)
    async with engines(decade.database) as roles:
        begun = time.monotonic()
        drawn = await draw_edition(roles.work, edition, solve=Bounding(wide=edition.k), mint=MINT)
        counted = time.monotonic() - begun
        files = write_edition(drawn, tmp_path / "report", language="fr", sign=lambda _: "")
    seconds = time.monotonic() - begun

    say(f"report of 2025: {counted:.1f} s to draw up, {seconds - counted:.1f} s to write")
    assert {one.suffix for one in files} >= {".html", ".pdf", ".xlsx", ".csv"}
    figure("figures.report.seconds_decade", round(seconds, 1), seed=SEED)
