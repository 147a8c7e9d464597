"""What the operator's commands print is enough to go on with, and no more than can be read."""

from io import StringIO

import pytest
from rich.console import Console

from deploy.commands.import_cases import report
from deploy.drift import READABLE, Difference
from deploy.importing import Outcome

pytestmark = pytest.mark.share("operators")


def test_each_imported_row_is_listed_with_its_cases_number() -> None:
    shown = StringIO()
    outcome = Outcome(registered={7: "ML-12-2026-7K3QXF-C", 3: "ML-01-2026-9A8B7C-D"}, known=[4])

    report(Console(file=shown, width=80), outcome)

    assert shown.getvalue().splitlines() == [
        "row 3: ML-01-2026-9A8B7C-D",
        "row 7: ML-12-2026-7K3QXF-C",
        "2 registered, 1 already there, 0 rows refused.",
    ]


def test_a_stream_of_many_sources_that_differs_is_one_short_line() -> None:
    many = [{"name": f"IN_ORGANISATION_{nth}"} for nth in range(300)]

    line = str(Difference("stream INBOX", "sources", many, many[:-1]))

    assert line == "stream INBOX: sources is 299 entries, wanted 300 entries"
    assert len(repr(many[:2])) < READABLE
    assert "IN_ORGANISATION_1" in str(Difference("stream INBOX", "sources", many[:2], many))
