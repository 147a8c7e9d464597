from datetime import UTC, date, datetime

import pytest

from services.reporting.domain import BadWindow, read_window

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_without_a_question_the_window_is_the_year_of_today_up_to_now() -> None:
    window = read_window({}, now=NOW)

    assert (window.start, window.end) == (date(2026, 1, 1), date(2027, 1, 1))
    assert window.as_of == NOW


def test_a_window_is_read_as_it_was_asked() -> None:
    asked = {"from": "2025-02-03", "to": "2025-02-04", "as_of": "2026-03-01T01:30:00+01:00"}

    window = read_window(asked, now=NOW)

    assert (window.start, window.end) == (date(2025, 2, 3), date(2025, 2, 4))
    assert window.as_of == datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert window.first_moment == datetime(2025, 2, 3, tzinfo=UTC)
    assert window.end_moment == datetime(2025, 2, 4, tzinfo=UTC)


def test_the_year_that_is_meant_is_the_year_of_the_moment() -> None:
    window = read_window({"as_of": "2024-06-01T00:00:00Z"}, now=NOW)

    assert (window.start, window.end) == (date(2024, 1, 1), date(2025, 1, 1))


def test_a_moment_to_come_counts_as_now() -> None:
    assert read_window({"as_of": "2030-01-01T00:00:00Z"}, now=NOW).as_of == NOW


@pytest.mark.parametrize(
    ("asked", "field", "rule"),
    [
        ({"from": "24/11/2026"}, "from", "day"),
        ({"from": "20261124"}, "from", "day"),
        ({"from": ""}, "from", "day"),
        ({"to": "2026-02-30"}, "to", "day"),
        ({"to": "٢٠٢٦-١١-٢٤"}, "to", "day"),
        ({"from": "2026-02-01", "to": "2026-02-01"}, "from", "before_to"),
        ({"from": "2027-01-01"}, "from", "before_to"),
        ({"as_of": "2026-11-24"}, "as_of", "moment_with_offset"),
        ({"as_of": "2026-11-24T12:00:00"}, "as_of", "moment_with_offset"),
        ({"as_of": "2026-11-24T25:00:00Z"}, "as_of", "moment_with_offset"),
        ({"as_of": "0001-01-01T00:00:00+23:00"}, "as_of", "moment_with_offset"),
        ({"until": "2026-11-24"}, "*", "unknown_parameter"),
    ],
)
def test_a_bad_window_is_named_by_field_and_rule(
    asked: dict[str, str], field: str, rule: str
) -> None:
    with pytest.raises(BadWindow) as refused:
        read_window(asked, now=NOW)

    assert (refused.value.field, refused.value.rule) == (field, rule)
    assert str(refused.value) == f"{field}: {rule}"
