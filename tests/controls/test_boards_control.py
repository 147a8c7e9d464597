"""With each number rounded by itself, a board tells of few persons, and the check sees it."""

import pytest

from services.reporting.domain import rounding
from tests.reporting.test_boards import TWO_EACH, pinned

pytestmark = pytest.mark.share("figures")


def test_numbers_that_are_only_rounded_are_computed_from_their_sum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounding, "tells", lambda *_: False)
    assert pinned(TWO_EACH, 3) == {2}
