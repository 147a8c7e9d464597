import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import RunAs, ServerError, free_port, started
from deploy.embedded.user import closed_step
from deploy.state import State
from tests.servers import NatsServer, open_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "postgres", password="right", log=folder / "log")
    yield server
    server.stop()


@pytest.fixture
def postgres(cluster: EmbeddedPostgres) -> EmbeddedPostgres:
    """One cluster for this module, running at the start of each test."""
    if cluster.child is None or not cluster.child.running:
        cluster.start()
    return cluster


def processes_below(folder: Path) -> list[str]:
    """Command lines of living processes that name `folder` or work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(folder) in line or str((entry / "cwd").readlink()).startswith(str(folder)):
                found.append(line)
        except OSError:
            continue
    return found


def none_left(folder: Path, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while processes_below(folder):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


async def answer(url: str, question: str = "select 1") -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    assert await answer(postgres.url("postgres")) == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        await answer(postgres.url("postgres", password="wrong"))


async def test_it_listens_on_loopback_only_and_has_no_socket(postgres: EmbeddedPostgres) -> None:
    question = "select current_setting('listen_addresses') || current_setting($$%s$$)"
    url = postgres.url("postgres")
    assert await answer(url, question % "unix_socket_directories") == "127.0.0.1"


async def test_a_failing_statement_leaves_no_value_in_the_log(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await answer(postgres.url("postgres"), "select 'Aminata', 1/0")
    log = (folder / "log").read_text()
    assert "ready to accept connections" in log  # it is the log, and it is written to
    assert "Aminata" not in log


def test_a_stop_leaves_no_process(postgres: EmbeddedPostgres, folder: Path) -> None:
    assert processes_below(folder)
    postgres.stop()
    assert processes_below(folder) == []


async def test_it_starts_again_after_its_postmaster_was_killed(postgres: EmbeddedPostgres) -> None:
    await answer(postgres.url("postgres"), "create table kept (n int)")
    os.kill(started(postgres.child).pid, signal.SIGKILL)
    await asyncio.to_thread(started(postgres.child).process.wait)
    postgres.start()
    assert await answer(postgres.url("postgres"), "select count(*) from kept") == 0


def test_a_pid_file_that_names_another_program_does_not_block_the_start(
    postgres: EmbeddedPostgres,
) -> None:
    lines = postgres.pid_file.read_text().splitlines()
    started(postgres.child).stop(grace=0)
    postgres.pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    postgres.start()
    assert started(postgres.child).running


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_platform_that_is_killed(
    cluster: EmbeddedPostgres, folder: Path, number: signal.Signals
) -> None:
    cluster.stop()
    script = (
        "import sys, tempfile, time; from pathlib import Path\n"
        "from deploy.embedded.postgres import EmbeddedPostgres\n"
        "from tests.servers import running_nats\n"
        "folder = tempfile.tempdir = sys.argv[1]\n"
        "postgres = Path(folder, 'postgres')\n"
        "EmbeddedPostgres(postgres, password='right', log=Path(folder, 'log')).start()\n"
        "with running_nats(['AA']):\n"
        "    print('up', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        assert processes_below(folder)
        parent.send_signal(number)
        parent.wait(10)
    assert none_left(folder)


def test_nats_starts_on_the_store_of_a_killed_server(
    nats_server: Callable[..., NatsServer],
) -> None:
    server = nats_server("AA").server
    os.kill(started(server.child).pid, signal.SIGKILL)
    started(server.child).process.wait(5)
    server.start()
    assert server.variables()["jetstream"]["stats"]["accounts"] == 1


def test_a_configuration_that_is_wrong_is_refused_and_the_old_one_stays(
    nats_server: Callable[..., NatsServer],
) -> None:
    server = nats_server("AA").server
    server.config.write_text("accounts {{{")
    with pytest.raises(ServerError, match="refused to reload"):
        server.reload(timeout=0.5)
    assert started(server.child).running


def test_two_platforms_do_not_share_a_state_folder(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    with state.locked(), pytest.raises(ServerError, match="already runs"), state.locked():
        pass
    with state.locked():
        pass


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    first = state.password("intake_web")
    assert state.password("intake_web") == first
    assert len(first) > 40
    modes = {stat.S_IMODE(path.stat().st_mode) for path in state.secrets.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(state.secrets.stat().st_mode) == 0o700


def test_the_first_folder_closed_to_the_database_user_is_found(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    (closed / "project").mkdir(parents=True)
    closed.chmod(0o700)
    nobody = RunAs(uid=54_321, gid=54_321)

    assert closed_step(closed / "project", nobody) in (closed, *closed.parents)
    assert closed_step(Path("/usr"), nobody) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_as_root_a_cluster_in_a_closed_folder_lives_behind_a_link() -> None:
    with tempfile.TemporaryDirectory(prefix="siraba-closed-") as name:
        folder = Path(name) / "postgres"  # mkdtemp closes its folders to others
        server = EmbeddedPostgres(folder, password="secret", log=Path(name) / "log")
        server.start()
        try:
            assert folder.is_symlink()
            assert (folder.resolve() / "data" / "PG_VERSION").exists()
        finally:
            server.stop()
            shutil.rmtree(folder.resolve())


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port}"):
            free_port(port)


def test_a_port_is_promised_to_one_process_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not one of those that any other test of this run may hold.
    monkeypatch.setattr("deploy.embedded.processes._PORTS", [19_999])
    asking = (
        "from deploy.embedded import processes as p; p._PORTS = [19_999];"
        "print(p.free_port(), flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", asking], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"19999\n"

    with pytest.raises(ServerError, match="no free port"):
        free_port()
    other.communicate(b"\n")
    assert free_port() == 19_999
