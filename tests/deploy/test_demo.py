"""The demonstration from nothing and again: it does its job, ends by itself, leaves nothing."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger import Figure

ROOT = Path(__file__).parents[2]
SHOWN = (
    "What each partner received and answered",
    "police (",
    "justice (",
    "health (",
    "shelter (",
    "victims detected | value: 30 | unit: persons",
    "The way of case ML-",
    "siraba up --state-dir",
)


@pytest.fixture
def clone() -> Iterator[Path]:
    """A clone of what is committed, in a folder closed to others, as strictly as any home is."""
    with tempfile.TemporaryDirectory(prefix="siraba-clone-") as name:
        folder = Path(name) / "siraba"
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        yield folder


def played(command: list[str], folder: Path, *, limit: float) -> tuple[str, float]:
    """What it printed, and how long it took; no terminal, no input."""
    begun = time.monotonic()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SIRABA_", "VIRTUAL"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout, time.monotonic() - begun


def running_in(folder: Path) -> list[str]:
    """Command lines of processes that still belong to a state below this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and "pytest" not in line:
            found.append(line)
    return found


@pytest.mark.timeout(400)
def test_make_demo_works_from_a_clean_clone_and_again(clone: Path, figure: Figure) -> None:
    first, seconds_first = played(["make", "demo"], clone, limit=390)
    again, seconds_again = played(["make", "demo"], clone, limit=120)

    for shown in (first, again):
        assert all(text in shown for text in SHOWN), shown
        assert re.search(r"SHELTER_BENKADI_KAYES.*offers: 8 .*dossiers: 8 ", shown)
    assert running_in(clone) == []
    figure("road.demo.seconds_first", round(seconds_first, 1))
    figure("road.demo.seconds_again", round(seconds_again, 1))


def test_a_folder_that_is_not_a_demonstration_is_never_wiped(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    command = [sys.executable, "-m", "deploy.cli", "demo", "--state-dir", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "not a state folder" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
