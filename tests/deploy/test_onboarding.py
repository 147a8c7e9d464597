import asyncio
import json
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
import yaml

from deploy.settings import PlatformSettings
from deploy.signing_keys import platform_keys
from partners.kit import Partner, init
from tests.bench.cast import members
from tests.builders import an_entry
from tests.deploy.reports import a_report
from tests.journeys.road import PARTNERS, Road, running_road
from tests.ledger import Figure, Form

pytestmark = [pytest.mark.connected, pytest.mark.share("partners"), pytest.mark.timeout(400)]


def directory_of(folder: Path, *, newcomers: int) -> Path:
    """The demo's directory with this many more organisations."""
    known = yaml.safe_load(PlatformSettings().directory_file.read_text("utf-8"))["organisations"]
    more = [an_entry(one.entry()).model_dump(mode="json") for one in members(newcomers)]
    path = folder / "directory.yaml"
    path.write_text(json.dumps({"organisations": known + more}))
    return path


async def finds_its_feed(road: Road, folder: Path) -> None:
    (folder / "platform-keys.json").write_text(platform_keys(road.platform.state).write())
    async with Partner.open(folder, url=road.platform.nats_url, patience=None) as partner:
        async for _ in partner.deliveries(idle=0.1):
            pass


async def _siraba(road: Road, command: str, *files: Path) -> None:
    """A process of its own, as a script starts it."""
    state = ["--state-dir", str(road.platform.state.root)]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "deploy.cli", "partner", command, *map(str, files), *state],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_a_hundred_organisations_are_let_in_by_one_script(
    tmp_path: Path, form: Form, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomers = form.pick(short=10, long=100)
    monkeypatch.setenv("SIRABA_DIRECTORY_FILE", str(directory_of(tmp_path, newcomers=newcomers)))
    async with running_road(PARTNERS[:1]) as road:
        codes = [one.code for one in members(newcomers)]
        reports = [a_report(tmp_path / code, init(tmp_path / code, code=code)) for code in codes]
        files = [tmp_path / code / "public.json" for code in codes]
        began = monotonic()
        await _siraba(road, "add", *files)
        await _siraba(road, "activate", *reports)
        for code in codes:
            await finds_its_feed(road, tmp_path / code)
        seconds = monotonic() - began
    # In the short form the fixed part counts five times: never less than a hundred would take.
    figure("partners.onboard100.seconds", round(seconds * 100 / newcomers, 1))
