"""What the doctor says of the machine, with each thing made wrong on a real server or folder."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest

from deploy.checks import Check
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.host_checks import check_doors, check_host, clock_check
from deploy.migrate import OPERATIONS
from deploy.signing_keys import ensure_signing_keys
from deploy.state import State
from tests.servers import Database, open_folder

pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC)


def problems(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.holds]


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path)
    state.prepare()
    ensure_signing_keys(state, now=NOW)
    return state


async def test_the_embedded_server_asks_and_has_our_time(fresh_database: Database) -> None:
    assert problems(await check_doors(fresh_database.url(OPERATIONS), clock=now)) == []


async def test_a_server_with_another_time_is_a_problem(fresh_database: Database) -> None:
    late = await check_doors(
        fresh_database.url(OPERATIONS), clock=lambda: now() + timedelta(seconds=30)
    )
    assert problems(late) == ["PostgreSQL's clock and ours agree"]


def test_a_slow_answer_is_no_wrong_clock() -> None:
    assert clock_check(NOW, NOW + timedelta(seconds=4), NOW + timedelta(seconds=5)).holds
    assert not clock_check(NOW, NOW - timedelta(seconds=3), NOW).holds


async def test_a_server_that_trusts_whoever_comes_is_a_problem() -> None:
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", password="superuser", log=folder / "log")
        server.start()
        try:
            url = server.url("postgres")
            assert problems(await check_doors(url, clock=now)) == []
            (rules,) = (folder / "postgres").rglob("pg_hba.conf")
            rules.write_text("host all all 127.0.0.1/32 trust\n")
            await _reload(url)
            assert problems(await check_doors(url, clock=now)) == ["PostgreSQL demands a password"]
        finally:
            server.stop()


async def _reload(url: str) -> None:
    """The server reads its rules when it comes to it, within moments."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("select pg_reload_conf()")
        await connection.execute("select pg_sleep(0.5)")
    finally:
        await connection.close()


async def test_a_server_that_is_away_is_a_problem() -> None:
    url = "postgresql+asyncpg://siraba_ops:x@127.0.0.1:1/siraba"
    found = await check_doors(url, clock=now)
    assert problems(found) == ["PostgreSQL demands a password", "PostgreSQL's door and clock"]


def test_a_fresh_state_folder_is_healthy(state: State) -> None:
    assert problems(check_host(state, now=NOW)) == []


def test_a_secret_that_others_may_read_is_named(state: State) -> None:
    state.secret("feed.key")
    (state.secrets / "feed.key").chmod(0o640)
    (found,) = [one for one in check_host(state, now=NOW) if not one.holds]
    assert found.found == "secrets/feed.key"


def test_keys_that_nobody_exchanged_for_long_are_named(state: State) -> None:
    (found,) = [one for one in check_host(state, now=NOW + timedelta(days=401)) if not one.holds]
    assert found.found == "intake, referral, reporting: `siraba keys rotate`"
