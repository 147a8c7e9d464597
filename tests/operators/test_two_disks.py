"""When PostgreSQL ends while the second disk is away: nothing is told too early, nothing is gone."""

import asyncio
from collections.abc import Iterator

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import open_engine
from deploy.backup.following import STANDBY, WalReceiver
from deploy.backup.places import Places
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.state import State
from tests.servers import open_folder, run_apart

pytestmark = pytest.mark.share("operators")
_WAITS = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
_WRITE = "select pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal()"


@pytest.fixture
def kept_twice() -> Iterator[tuple[EmbeddedPostgres, WalReceiver]]:
    """A server whose commits wait for a second disk, and what will receive there."""
    with open_folder() as place:
        state = State(place / "state")
        state.prepare()
        server = EmbeddedPostgres(
            place / "postgres", password="superuser", log=place / "log", waits_for=STANDBY
        )
        places = Places(place / "second")
        receiver = WalReceiver(state, places, admin_url=lambda: server.url("postgres"))
        server.start()
        try:
            yield server, receiver
        finally:
            receiver.stop()
            server.stop()


async def run(server: EmbeddedPostgres, statement: str, *, waits: str = "on") -> int:
    """The first value of one statement's first row; waits: for the second disk, or `local`."""
    url, given = server.url("postgres").replace("+asyncpg", ""), {"synchronous_commit": waits}
    connection = await asyncpg.connect(url, server_settings=given)
    try:
        return int(await connection.fetchval(statement) or 0)
    finally:
        await connection.close()


def crash(server: EmbeddedPostgres) -> None:
    """Killed, and started again."""
    assert server.child is not None
    server.child.process.kill()
    server.child.process.wait()
    server.start()


def receive(receiver: WalReceiver) -> None:
    """As its supervisor starts it."""
    run_apart(asyncio.to_thread(receiver.prepare))
    receiver.spawn()


async def left_unanswered(server: EmbeddedPostgres) -> None:
    """A commit that waited for the second disk when the server was killed."""
    await run(server, "create table said (what text)", waits="local")
    commit = asyncio.create_task(run(server, "insert into said values ('new')"))
    async with asyncio.timeout(30):
        while not await run(server, _WAITS, waits="local"):
            await asyncio.sleep(0.05)
    assert not commit.done()
    crash(server)
    (failed,) = await asyncio.gather(commit, return_exceptions=True)
    assert isinstance(failed, Exception)


async def told(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("select count(*) from said")) or 0)


async def test_what_a_restart_shows_is_told_once_the_second_disk_has_it(
    kept_twice: tuple[EmbeddedPostgres, WalReceiver],
) -> None:
    server, receiver = kept_twice
    await left_unanswered(server)
    url = server.url("postgres")
    ours = open_engine(url, schema="public", pool_size=1, answers=True)
    operators = open_engine(url, schema="public", pool_size=1)

    asked = asyncio.create_task(told(ours))
    assert await told(operators) == 1  # without the wait, one disk is enough
    await asyncio.sleep(1)
    assert not asked.done()

    receive(receiver)
    async with asyncio.timeout(30):
        assert await asked == 1
    await ours.dispose()
    await operators.dispose()


async def test_who_gives_up_waiting_leaves_no_connection_behind(
    kept_twice: tuple[EmbeddedPostgres, WalReceiver],
) -> None:
    server, _ = kept_twice
    await left_unanswered(server)
    ours = open_engine(server.url("postgres"), schema="public", pool_size=1, answers=True)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(told(ours), 0.5)
    async with asyncio.timeout(30):
        while await run(server, _WAITS, waits="local"):
            await asyncio.sleep(0.05)
    others = "select count(*) from pg_stat_activity where client_port is not null"
    assert await run(server, others, waits="local") == 1
    await ours.dispose()


async def test_a_crash_in_the_first_minutes_forgets_nothing_that_was_not_received(
    kept_twice: tuple[EmbeddedPostgres, WalReceiver],
) -> None:
    server, receiver = kept_twice
    receive(receiver)
    async with asyncio.timeout(30):
        await run(server, "create table said (what text)")
    receiver.stop()
    for _ in range(3):
        await run(server, _WRITE, waits="local")
    crash(server)

    receive(receiver)
    async with asyncio.timeout(30):
        await run(server, "insert into said values ('new')")
