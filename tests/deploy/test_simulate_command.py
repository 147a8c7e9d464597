"""`siraba simulate` as an operator calls it: on an empty platform once, elsewhere never."""

import json
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from deploy.cli import app
from deploy.state import State
from tests.servers import Database

pytestmark = [pytest.mark.connected, pytest.mark.share("figures")]


@pytest.fixture
def platform(fresh_database: Database, tmp_path: Path) -> Path:
    """The state folder of a platform of which the database runs, which is all that is asked of it."""
    url = make_url(fresh_database.url("reporting_work"))
    state = State(tmp_path)
    state.prepare()
    state.secret("postgres-reporting_work.password", lambda: str(url.password))
    database = {"host": url.host, "port": url.port, "database": url.database}
    status = {"front_url": "http://127.0.0.1:1", "database": database}
    state.status_file.write_text(json.dumps(status), encoding="utf-8")
    return tmp_path


def test_an_empty_platform_is_filled_once(platform: Path) -> None:
    call = ["simulate", "--cases", "50", "--years", "2024:2025", "--state-dir", str(platform)]
    first = CliRunner().invoke(app, call)
    again = CliRunner().invoke(app, call)

    assert first.exit_code == 0, first.output
    assert "50 invented persons" in first.output
    assert again.exit_code == 1
    assert "has counted somebody" in again.output


@pytest.mark.parametrize(
    ("years", "rule"),
    [
        ("2025:2024", "must not be after"),
        ("2025", "two years"),
        ("2016:2025 ", "two years"),
        ("1066:2025", "before 1960"),
    ],
)
def test_years_that_are_none_are_refused(tmp_path: Path, years: str, rule: str) -> None:
    call = ["simulate", "--years", years, "--state-dir", str(tmp_path)]
    result = CliRunner().invoke(app, call)

    assert result.exit_code == 1
    assert rule in result.output


def test_without_a_platform_it_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["simulate", "--state-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert "start `siraba up`" in result.output


def test_a_platform_on_servers_elsewhere_is_never_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIRABA_NATS_URL", "tls://somewhere.example:4222")
    result = CliRunner().invoke(app, ["simulate", "--state-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert "embedded platform only" in result.output
