import asyncio
import base64
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import pytest
from typer.testing import CliRunner

from contracts.keyring import Keyring, read_sealing_key
from deploy.cli import app
from deploy.key_rotation import make_first_key, vault_keys
from deploy.platform import Platform, running_platform
from deploy.state import State
from services.intake.vault import Vault
from tests.deploy.test_platform import settings
from tests.intake.vaults import registered, work_engine
from tests.servers import open_folder

pytestmark = pytest.mark.share("sealed")


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    """Servers, front and intake."""
    with open_folder() as folder:
        async with running_platform(settings(folder), services=("intake",)) as running:
            yield running


async def siraba(running: Platform, *arguments: str, fails: bool = False) -> str:
    """What the command says, in one line."""
    call = ["vault", *arguments, "--state-dir", str(running.state.root)]
    result = await asyncio.to_thread(CliRunner().invoke, app, call, env={"COLUMNS": "120"})
    assert result.exit_code == int(fails), result.output
    return " ".join(result.output.split())


async def test_a_key_is_made_turned_and_kept_and_shown_nowhere() -> None:
    async with platform() as running:
        keys = vault_keys(running.state)
        (old,) = keys.ids()
        url = running.database_url("intake_work")
        async with work_engine(url) as engine, engine.begin() as connection:
            await registered(connection, Vault(keys, token_bytes), 12)
        await asyncio.sleep(1.1)  # a version is named by its second

        said = [await siraba(running, "status")]
        assert f"{old} │ 12 │ wraps" in said[0]
        said.append(await siraba(running, "rotate"))
        new = keys.ids()[-1]
        assert said[1] == f"New key-encryption key {new}; 12 persons' keys moved."
        said.append(await siraba(running, "status"))
        assert f"{old} │ 0 │ kept for backups until" in said[2]
        assert f"{new} │ 12 │ wraps" in said[2]
        said.append(await siraba(running, "retire", old, fails=True))
        assert f"siraba: backups that need {old} live until" in said[3]
        said.append(await siraba(running, "retire", new, fails=True))
        assert "rotate first" in said[4]
        ring = Keyring.read(await siraba(running, "sealing-keys"))
        assert ring.current("intake", use="sealing", at=datetime.now(UTC))

        assert_private(running.state)
        assert shown(running, said) == []


def assert_private(state: State) -> None:
    """Files for their owner, in folders for their owner."""
    assert stat.S_IMODE(state.vault.stat().st_mode) == 0o700
    for folder in (state.secrets, state.vault / "kek", state.vault / "months"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        files = [path for path in folder.iterdir() if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def shown(running: Platform, said: list[str]) -> list[str]:
    """The keys that can be read where keys must not be: arguments, environment, logs, answers."""
    pid = running.pids()["intake"]
    places = [Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ")]
    places += [path for path in running.state.run.iterdir() if path.is_file()]
    held = " ".join([*said, *(path.read_bytes().decode(errors="replace") for path in places)])
    keys = [base64.urlsafe_b64decode(path.read_bytes())
            for path in (running.state.vault / "kek").iterdir()]  # fmt: skip
    keys += [read_sealing_key(path.read_bytes()).private_bytes_raw()
             for path in (running.state.vault / "months").glob("*.key")]  # fmt: skip
    assert len(keys) == 4
    forms = [form for key in keys
             for form in (key.hex(), base64.urlsafe_b64encode(key).decode()[:40])]  # fmt: skip
    return [form for form in forms if form in held]


def test_the_first_key_is_made_once_and_never_beside_others(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    for day in (1, 2):
        make_first_key(state, at=datetime(2026, 1, day, tzinfo=UTC))

    assert vault_keys(state).ids() == ("20260101T000000Z",)


@pytest.mark.parametrize("command", [[], ["status"], ["rotate"], ["retire"], ["sealing-keys"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = CliRunner().invoke(app, ["vault", *command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 8


@pytest.mark.parametrize("command", [["status"], ["rotate"], ["retire", "20260101T000000Z"]])
def test_without_a_platform_a_command_says_what_to_do(tmp_path: Path, command: list[str]) -> None:
    result = CliRunner().invoke(app, ["vault", *command, "--state-dir", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "siraba up" in result.output
