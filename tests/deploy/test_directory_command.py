import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from deploy.platform import Platform, running_platform
from deploy.settings import PlatformSettings
from tests.servers import open_folder

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
FILE = """organisations:
  - {code: SHELTER_T, kind: shelter, units: [{cercle: "0001"}], zones: ["00"], channel: desk,
     name_fr: Foyer, name_en: Shelter, services: [{service: shelter, places: 3}]}
  - {code: CLINIC_T, kind: health, units: [{cercle: "1201"}], zones: ["12"], channel: desk,
     name_fr: Centre, name_en: Centre, services: [{service: health}]}
"""


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    """Servers with a directory of two, without the services."""
    with open_folder() as folder:
        (folder / "directory.yaml").write_text(FILE)
        settings = PlatformSettings(
            state_dir=folder / "state",
            front_port=0,
            nats_port=0,
            directory_file=folder / "directory.yaml",
        )
        async with running_platform(settings, services=()) as running:
            yield running


async def siraba(platform: Platform, *arguments: object, fails: bool = False) -> str:
    call = ["directory", *map(str, arguments), "--state-dir", str(platform.state.root)]
    result = await asyncio.to_thread(CliRunner().invoke, app, call, env={"COLUMNS": "160"})
    assert result.exit_code == int(fails), result.output
    return result.output


async def test_the_directory_is_written_out_changed_and_applied_and_nobody_is_overwritten(
    platform: Platform, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    written = await siraba(platform, "show", "--yaml")
    file.write_text(written.replace("Foyer", "Maison"))

    assert 'SHELTER_T: name_fr: "Foyer" → "Maison"' in await siraba(platform, "check", file)
    assert "version 1" not in await siraba(platform, "history", "SHELTER_T")
    said = await siraba(platform, "apply", file, "--why", "It moved")
    assert said.splitlines() == ["SHELTER_T: version 2", "1 of 2 organisations changed."]

    shown = await siraba(platform, "history", "SHELTER_T")
    assert "It moved" in shown
    assert "new in directory.yaml" in shown
    assert "name_fr: Foyer" in await siraba(platform, "history", "SHELTER_T", "--version", 1)
    assert "name_fr: Maison" in await siraba(platform, "show", "SHELTER_T")

    for command in (("check", file), ("apply", file, "--why", "Again")):
        file.write_text(written.replace("Foyer", "Abri"))
        refused = await siraba(platform, *command, fails=True)
        assert "changed since this file was written: SHELTER_T" in refused

    # A start, or a partner that is let in, adds who is new and overwrites nobody.
    await platform.publish_directory()
    assert "name_fr: Maison" in await siraba(platform, "show", "SHELTER_T")


async def test_a_file_with_a_fault_changes_nothing(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(FILE.replace("Foyer", "Maison").replace('zones: ["12"]', 'zones: ["77"]'))

    for command in (("check", file), ("apply", file, "--why", "x")):
        assert "CLINIC_T: zones must be" in await siraba(platform, *command, fails=True)
    assert "Maison" not in await siraba(platform, "show", "--yaml")
    assert "not in the directory" in await siraba(platform, "history", "NOBODY", fails=True)
