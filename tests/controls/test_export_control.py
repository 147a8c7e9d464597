"""Without the least number that may be shown, an export points at somebody, and the check sees it."""

from pathlib import Path

import pytest

from services.reporting.domain import edition
from tests.reporting.conftest import one_database, roles
from tests.reporting.happenings import Roles
from tests.reporting.test_exports import exported, small

__all__ = ["one_database", "roles"]
pytestmark = pytest.mark.share("figures")


@pytest.mark.parametrize(
    ("name", "column"), [("glotip", "value"), ("ctdc", "count"), ("htcds", "count")]
)
async def test_an_export_without_a_least_number_points_at_three_men(
    roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, column: str
) -> None:
    monkeypatch.setattr(edition, "K", {"public": 1, "internal": 1})
    assert 3 in small(await exported(roles, tmp_path / "one.csv", name), column)
