"""An operator draws the annual report of a running platform, and the same again from its manifest."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from deploy.cli import app
from deploy.commands.context import operator_rows
from deploy.state import State
from services.reporting.exports import EXPORTS
from tests.journeys.cases import some_cases
from tests.journeys.road import PARTNERS, running_road
from tests.trust.load import come_to_rest

pytestmark = [pytest.mark.connected, pytest.mark.share("figures"), pytest.mark.timeout(180)]
SEED = 20261128
Call = Callable[..., Awaitable[Result]]
CASES = 12


async def test_a_report_and_the_same_again_from_its_manifest(tmp_path: Path) -> None:
    async with running_road() as road:
        for case in some_cases(CASES, owners=PARTNERS[:1], seed=SEED):
            await road.submit_until_accepted(case)
        await come_to_rest(road, within=60)

        async def call(*words: str) -> Result:
            state = ("--state-dir", str(road.platform.state.root))
            return await asyncio.to_thread(lambda: CliRunner().invoke(app, [*words, *state]))

        now = datetime.now(UTC).isoformat()
        window = ("--from", "2000-01-01", "--to", "2100-01-01")
        asked = ("annual", *window, "--as-of", now, "--internal", "--lang", "fr")
        result = await call("report", *asked, "--out", str(tmp_path / "first"))
        assert result.exit_code == 0, result.output
        manifest = tmp_path / "first" / "manifest.json"
        assert len(json.loads(manifest.read_text())["tables"]) > 30

        again = await call(
            "report", "again", str(manifest), "--out", str(tmp_path / "again"), "--lang", "en"
        )
        assert again.exit_code == 0, again.output
        assert "Identical" in again.output

        manifest.write_text(manifest.read_text().replace('"k": 5', '"k": 1'))
        changed = await call("report", "again", str(manifest), "--out", str(tmp_path / "changed"))
        assert "not as it was signed" in changed.output
        empty = await call("report", "annual", "--year", "1990", "--out", str(tmp_path / "empty"))
        assert "nothing is counted in this period" in empty.output
        assert {one.name for one in tmp_path.iterdir()} == {"first", "again"}

        await the_exports_come_from_the_public_edition(call, tmp_path, now=now)
        await come_to_rest(road, within=60)
        # Each edition was told of once, however often it was drawn, and the stream has confirmed it.
        assert await asyncio.to_thread(told_and_sent, road.platform.state) == [
            ("annual/internal", True),
            ("annual/public", True),
        ]


async def the_exports_come_from_the_public_edition(call: Call, folder: Path, *, now: str) -> None:
    year = str(datetime.now(UTC).year)
    for name in EXPORTS:
        out = folder / f"{name}.csv"
        asked = ("export", name, "--year", year, "--out", str(out), "--as-of", now)
        given = await call(*asked)
        assert given.exit_code == 0, given.output
        assert f"annual/public/{year}-01-01" in out.read_text()
        twice = await call(*asked)
        assert "is there already" in twice.output
    unknown = await call("export", "nonsense", "--year", year, "--out", str(folder / "no"))
    assert (unknown.exit_code, (folder / "no").exists()) == (2, False)


def told_and_sent(state: State) -> list[tuple[str, bool]]:
    """Which editions reporting told of, and whether the relay has sent that."""
    asked = text("""
        select substring(subject from '^[^/]*/[^/]*') as series, sent_at is not null as is_sent
        from reporting.outbox where name = 'report.published' order by position
    """)
    return [(row.series, row.is_sent) for row in operator_rows(state, asked)]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--from", "2026-01-01", "--to", "2025-01-01"], "must begin before it ends"),
        (["--from", "yesterday"], "must be a day"),
        (["--year", "2025", "--from", "2026-01-01"], "give a year, or"),
        ([], "give a year, or"),
        (["--year", "2998"], "--year: the year must have begun"),
        (["--year", "2025", "--as-of", "yesterday"], "--as-of: must be a moment"),
        (["--year", "2025"], "start `siraba up`"),
    ],
)
def test_what_cannot_be_drawn_is_said(words: list[str], answer: str, tmp_path: Path) -> None:
    out, state = tmp_path / "out", tmp_path / "state"
    call = ["report", "annual", *words, "--out", str(out), "--state-dir", str(state)]
    result = CliRunner().invoke(app, call)

    assert result.exit_code == 1
    assert answer in result.output
    assert not out.exists()
