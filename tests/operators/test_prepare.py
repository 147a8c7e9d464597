"""`siraba prepare` makes servers of one's own ready, with no more rights than it needs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from deploy.cli import app
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import free_port
from deploy.state import State
from tests.certificates import certify
from tests.servers import open_folder, run_apart

pytestmark = pytest.mark.share("operators")

NATS = """
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor}"
max_payload: 1MB
store_dir: "{folder}/store"
tls {{ cert_file: "{certificate}", key_file: "{key}" }}
include "siraba-accounts.conf"
include "siraba-jetstream.conf"
"""


@dataclass(frozen=True)
class Elsewhere:
    """Servers that nobody has prepared yet, and what a command must be told of them."""

    state: State
    told: Mapping[str, str]

    def siraba(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command, as an operator gives it."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.cli", *words],
            env={**os.environ, **self.told}, capture_output=True, text=True, check=False,
        )  # fmt: skip


async def _administrator(url: str) -> str:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("create role dba login createrole createdb password 'of-dba'")
    await connection.close()
    at = make_url(url)
    return f"postgresql+asyncpg://dba@{at.host}:{at.port}/{at.database}"


def _password_file(folder: Path) -> Path:
    path = folder / "dba.pgpass"
    path.touch(mode=0o600)
    path.write_text("*:*:*:dba:of-dba\n")
    return path


def _nats(folder: Path, port: int, certificate: tuple[Path, Path]) -> EmbeddedNats:
    monitor, (public, private) = free_port(), certificate
    text = NATS.format(port=port, monitor=monitor, folder=folder, certificate=public, key=private)
    (folder / "nats.conf").write_text(text)
    return EmbeddedNats(
        folder / "nats.conf", port=port, monitor_port=monitor, log=folder / "nats.out"
    )


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with open_folder() as folder, ExitStack() as stack:
        state = State(folder / "state")
        postgres = EmbeddedPostgres(folder / "pg", password="superuser", log=folder / "pg.log")
        postgres.start()
        stack.callback(postgres.stop)
        port, certificate = free_port(), certify(folder)
        place = Elsewhere(
            state,
            {
                "SIRABA_STATE_DIR": str(state.root),
                "SIRABA_DATABASE_ADMIN_URL": run_apart(_administrator(postgres.url("postgres"))),
                "PGPASSFILE": str(_password_file(folder)),
                "SIRABA_NATS_URL": f"tls://127.0.0.1:{port}",
                "SIRABA_NATS_CA_FILE": str(certificate[0]),
                "SIRABA_NATS_INCLUDE_DIR": str(folder),
            },
        )
        emitted = place.siraba("provision", "--emit", str(folder))
        assert emitted.returncode == 0, emitted.stderr
        nats = _nats(folder, port, certificate)
        nats.start()
        stack.callback(nats.stop)
        yield place


def test_it_prepares_servers_of_ones_own_and_changes_nothing_the_next_time(
    elsewhere: Elsewhere,
) -> None:
    for _ in range(2):
        done = elsewhere.siraba("prepare")
        assert done.returncode == 0, done.stderr
        assert "Prepared." in done.stdout
    found = json.loads(elsewhere.siraba("doctor", "--json").stdout)
    wrong = [one["name"] for one in found if not one["holds"] and one["name"].startswith("NATS")]
    assert wrong == []
    assert {"NATS listens on loopback or with TLS"} <= {one["name"] for one in found}
    held = (elsewhere.state.secrets / "intake.pgpass").read_text()
    assert [line.split(":")[3] for line in held.splitlines()] == ["intake_web", "intake_work"]
    assert (elsewhere.state.secrets / "intake.pgpass").stat().st_mode & 0o077 == 0


def test_it_says_by_name_which_servers_it_was_not_told(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["prepare", "--state-dir", str(tmp_path)])
    assert refused.exit_code == 1
    assert "set SIRABA_NATS_URL and SIRABA_DATABASE_ADMIN_URL" in refused.output
