import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from chassis.database import open_engine
from deploy import platform as platform_module
from deploy.cli import app
from deploy.embedded.processes import ServerError
from deploy.key_rotation import monthly_keys
from deploy.platform import Platform, running_platform
from deploy.settings import PlatformSettings
from partners.kit import init
from tests.servers import open_folder

DIRECTORY = """organisations:
  - {code: SHELTER_T, kind: shelter, units: [{cercle: "0001"}], zones: ["00"], channel: nats,
     name_fr: "Foyer d’essai", name_en: "Test shelter", services: [{service: shelter, places: 3}]}
"""


def settings(folder: Path) -> PlatformSettings:
    directory = folder / "directory.yaml"
    directory.write_text(DIRECTORY, encoding="utf-8")
    return PlatformSettings(
        state_dir=folder / "state", front_port=0, nats_port=0, directory_file=directory
    )


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    """Servers and front, without the services."""
    with open_folder() as folder:
        async with running_platform(settings(folder), services=()) as running:
            yield running


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.05)


async def test_servers_that_are_killed_come_back_at_the_same_address() -> None:
    async with platform() as running:
        killed = {name: running.kill(name) for name in ("postgres", "nats")}

        async def back() -> bool:
            return running.supervisor.restarts == {"postgres": 1, "nats": 1}

        await until(back)
        await asyncio.sleep(0.5)
        assert not set(killed.values()) & set(running.pids().values())
        assert (await running.provision()).found == ()
        assert running.state.status()["pids"] == running.pids()


async def test_a_stop_leaves_nothing_running_and_a_second_start_finds_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform_module, "MEND_SECONDS", 0.1)
    with open_folder() as folder:
        async with running_platform(settings(folder), services=()) as running:
            pids = running.pids()
            await a_months_new_key_goes_into_the_feeds(running)
            async with running_platform_refused(settings(folder)):
                pass
        for pid in pids.values():
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert running.state.status() == {}
        async with running_platform(settings(folder), services=()) as again:
            assert (await again.provision()).found == ()
            await asyncio.sleep(0.3)
            assert await told_of_keys(again) == ["SHELTER_T"], "once and for all"


async def a_months_new_key_goes_into_the_feeds(running: Platform) -> None:
    assert await told_of_keys(running) == [], "whoever joins is handed the first ones"
    monthly_keys(running.state).renew(datetime.now(UTC) + timedelta(days=40))

    async def told() -> bool:
        return await told_of_keys(running) == ["SHELTER_T"]

    await until(told)


async def told_of_keys(running: Platform) -> list[str]:
    query = "select organisation from referral.outbox where name = 'keys.published'"
    engine = open_engine(running.database_url("referral_work"), schema="referral", pool_size=1)
    async with engine.connect() as connection:
        found = list(await connection.scalars(text(query)))
    await engine.dispose()
    return found


@asynccontextmanager
async def running_platform_refused(wanted: PlatformSettings) -> AsyncIterator[None]:
    with pytest.raises(ServerError, match="already runs"):
        async with running_platform(wanted, services=()):
            pass
    yield


async def test_an_address_that_is_taken_stops_what_was_started() -> None:
    with open_folder() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = settings(folder).model_copy(update={"front_port": taken.getsockname()[1]})
        with pytest.raises(ServerError, match="cannot listen"):
            async with running_platform(wanted, services=()):
                pass
        assert not [line for line in _command_lines() if str(folder) in line]


def _command_lines() -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return lines


async def test_doctor_and_provision_agree_with_a_running_platform() -> None:
    async with platform() as running:
        state = ["--state-dir", str(running.state.root)]
        environment = {"SIRABA_DIRECTORY_FILE": str(running.settings.directory_file)}

        def invoke(*arguments: str) -> tuple[int, str]:
            result = CliRunner().invoke(app, [*arguments, *state], env=environment)
            return result.exit_code, result.output

        assert await asyncio.to_thread(invoke, "provision", "--check") == (
            0,
            "streams and consumers are as declared\n",
        )
        code, report = await asyncio.to_thread(invoke, "doctor")
        assert code == 0, report
        assert "0 problems" in report
        code, report = await asyncio.to_thread(invoke, "provision")
        assert code == 0, report


def test_commands_without_a_platform_say_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--state-dir", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "siraba up" in result.output


@pytest.mark.parametrize("command", [[], ["up"], ["run"], ["provision"], ["doctor"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 8


def test_an_unknown_service_is_refused() -> None:
    result = CliRunner().invoke(app, ["run", "billing"])
    assert result.exit_code == 1
    assert "intake, referral, reporting" in result.output


async def test_up_stops_in_order_on_a_signal() -> None:
    """As a program without a terminal: what an init system or a script starts."""
    with open_folder() as folder:
        script = (
            "import sys; from pathlib import Path; import deploy.commands.up as up\n"
            "from deploy import platform\n"
            "up.running_platform = lambda s, report: platform.running_platform(\n"
            "    s, services=(), report=report)\n"
            "up.up(state_dir=Path(sys.argv[1]), port=0, nats_port=0, metrics_port=0)\n"
        )
        init(folder / "state" / "partners" / "NOBODY_LISTED", code="NOBODY_LISTED")
        process = await asyncio.create_subprocess_exec(
            *_python("-c", script, str(folder / "state")),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        first = await asyncio.wait_for(process.stdout.readline(), 30)
        assert b"Siraba is up: http://127.0.0.1:" in first
        said = [await asyncio.wait_for(process.stdout.readline(), 30) for _ in range(5)]
        assert said[-1].startswith(b"NOBODY_LISTED has keys here and is not in the directory")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        assert not [line for line in _command_lines() if str(folder) in line]


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
