"""Whoever lets the last word to arrive count, and not the last that was said, counts otherwise each time."""

import pytest
from hypothesis import Phase
from sqlalchemy import text

from services.reporting.store import facts
from tests.reporting.conftest import one_database
from tests.reporting.test_rebuild import in_any_order_the_same
from tests.servers import Database

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
FURTHEST = "where known.stream_sequence < excluded.stream_sequence"


def test_where_the_last_to_arrive_counts_the_order_shows_in_the_tables(
    one_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = facts._SAVE_ORGANISATIONS.text
    assert FURTHEST in said
    monkeypatch.setattr(facts, "_SAVE_ORGANISATIONS", text(said.replace(FURTHEST, "")))

    with pytest.raises(AssertionError):
        in_any_order_the_same(one_database, examples=400, phases=[Phase.generate])
