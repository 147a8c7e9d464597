"""With numbers as they are, an analyst is told of single persons, and the check sees it."""

import httpx
import pytest

from services.reporting.api import figures
from tests.reporting.conftest import one_database, roles
from tests.reporting.test_api import client, crowd, off_step, seen_by

__all__ = ["client", "crowd", "one_database", "roles"]
pytestmark = pytest.mark.share("figures")


async def test_an_analyst_without_rounding_sees_single_persons(
    crowd: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "step_for", lambda _: 1)
    assert 1 in off_step(await seen_by(crowd, "analyst"))
