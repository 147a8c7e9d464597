import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import figures
from tests.ledger import Figure, recorder
from tests.promised import Issue, Promise, is_within, promise_of, read_promises
from tests.rows import FormName, Row, merge, read_rows
from tests.shares import overspent

pytest_plugins = ["pytester"]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGAIN = "road.demo.seconds_again"


def a_row(key: str, value: float, form: FormName = "short") -> Row:
    return Row(
        key=key, value=value, unit="s", bound="≤ 30", holds=value <= 30, control=None, seed=7,
        form=form, commit="abc", at="2026-11-24T12:00:00+00:00",
    )  # fmt: skip


def a_recorder(path: Path, form: FormName = "short") -> Figure:
    return recorder(path, form=form, commit="abc", now=lambda: NOON)


def test_long_replaces_short_and_never_the_reverse() -> None:
    short, long, longer = a_row("a", 1), a_row("a", 2, "long"), a_row("a", 3, "long")

    assert merge([short], [long]) == [long]
    assert merge([long], [short]) == [long]
    assert merge([long], [longer]) == [longer]


def test_a_figure_becomes_one_row(tmp_path: Path) -> None:
    ledger = tmp_path / "build" / "figures.json"

    a_recorder(ledger)("extra.ratio", 2, unit="x", bound="≥ 1", holds=True, control=0.5, seed=11)
    a_recorder(ledger)("extra.ratio", 3, unit="x", bound="≥ 1", holds=True, control=0.5, seed=12)

    assert read_rows(ledger) == [
        {
            "key": "extra.ratio", "value": 3, "unit": "x", "bound": "≥ 1", "holds": True,
            "control": 0.5, "seed": 12, "form": "short", "commit": "abc",
            "at": "2026-11-24T12:00:00+00:00",
        }
    ]  # fmt: skip


def test_a_promised_figure_takes_its_bound_from_the_promise(tmp_path: Path) -> None:
    ledger = tmp_path / "figures.json"

    a_recorder(ledger)(AGAIN, 12.5)

    row = read_rows(ledger)[0]
    assert (row["unit"], row["bound"], row["holds"]) == ("s", "≤ 30", True)


def test_a_figure_out_of_bounds_is_recorded_and_fails(tmp_path: Path) -> None:
    ledger = tmp_path / "figures.json"

    with pytest.raises(AssertionError, match="promised ≤ 30"):
        a_recorder(ledger)(AGAIN, 31)

    assert read_rows(ledger)[0]["holds"] is False


@pytest.mark.parametrize(
    "change", [{"bound": "≤ 60"}, {"unit": "min"}, {"holds": False}], ids=["bound", "unit", "holds"]
)
def test_a_test_cannot_change_a_promise(tmp_path: Path, change: dict[str, object]) -> None:
    ledger = tmp_path / "figures.json"

    with pytest.raises(AssertionError):
        a_recorder(ledger)(AGAIN, 12.5, **change)  # type: ignore[arg-type]  # wrong on purpose

    assert read_rows(ledger) == []


@pytest.mark.parametrize(
    ("value", "bound", "expected"),
    [(30, "≤ 30", True), (30.1, "≤ 30", False), (0, "0", True), (1, "0", False),
     (2.5, "≥ 2.5", True), (2.4, "≥ 2.5", False)],
)  # fmt: skip
def test_a_bound_means_what_it_says(value: float, bound: str, expected: bool) -> None:
    assert is_within(value, bound) is expected


def test_a_bound_in_other_words_is_refused() -> None:
    with pytest.raises(ValueError, match="not a bound"):
        is_within(1, "about 30")


def test_every_promise_in_the_table_can_be_judged() -> None:
    issues = read_promises()

    for issue in issues.values():
        for key, promise in issue.figures.items():
            is_within(0, promise.bound)
            assert promise_of(key, issues) is promise


def test_missing_short_and_broken_promises_are_named() -> None:
    keys = ["road.a", "road.b", "road.c", "road.d"]
    issue = Issue("road", 8, {key: Promise(key, "≤ 30", "s") for key in keys})
    rows = [a_row("road.b", 1), a_row("road.c", 31, "long"), a_row("road.d", 1, "long")]

    complaints = figures.unkept([issue], rows)

    assert [line.partition(":")[0] for line in complaints] == ["road.a", "road.b", "road.c"]


def test_the_page_of_figures_reads_back() -> None:
    page = figures.write_page([a_row("road.a", 1.5, "long"), a_row("road.b", 31)])

    assert figures.write_page(figures.read_page(page)) == page
    assert "| road.b | 31 | s | ≤ 30 | NO |  | 7 | short | abc |" in page


def test_what_people_wrote_below_the_table_stays_as_it_is() -> None:
    notes = (
        "\n## What each step brought\n\n| a | b | c | d | e | f | g | h | i |\n|---|\n\n## More\n"
    )
    page = figures.write_page([a_row("road.a", 1.5)], notes=notes)

    again = figures.write_page(
        [*figures.read_page(page), a_row("road.b", 2)], notes=figures.read_notes(page)
    )

    assert again.endswith(notes)
    assert [row["key"] for row in figures.read_page(again)] == ["road.a", "road.b"]
    assert figures.read_notes(figures.write_page([a_row("road.a", 1)])) == ""


def test_shares_overspent_are_named() -> None:
    complaints = overspent({"road": 481, "fire": 479}, {"road": 8, "fire": 8})

    assert complaints == ["the share of road is 8 min, its tests took 8.0 min"]


def run(pytester: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(body)
    plugins = ["-p", "no:asyncio", "-p", "tests.ledger", "-p", "tests.shares"]
    return pytester.runpytest_inprocess(*plugins, *options)


def test_the_fixtures_write_the_ledger_of_the_project(pytester: pytest.Pytester) -> None:
    body = f"""
        def test_speed(figure, form):
            figure("{AGAIN}", form.pick(short=1, long=2), seed=3)
    """

    run(pytester, body, "--form", "long").assert_outcomes(passed=1)

    rows = json.loads((pytester.path / "build" / "figures.json").read_text(encoding="utf-8"))
    assert [(row["key"], row["value"], row["form"]) for row in rows] == [(AGAIN, 2, "long")]


def test_only_the_tests_that_measure_can_be_chosen(pytester: pytest.Pytester) -> None:
    body = """
        import pytest

        def test_nothing_measured(): pass
        def test_road(figure): pass
        @pytest.mark.share("fire")
        def test_fire(figure): pass
    """

    run(pytester, body, "--figures-of", "fire").assert_outcomes(passed=1, deselected=2)
    run(pytester, body, "--figures-of", "all").assert_outcomes(passed=2, deselected=1)


def test_a_share_nobody_has_is_refused(pytester: pytest.Pytester) -> None:
    result = run(pytester, "import pytest\n\n@pytest.mark.share('sea')\ndef test_a(): pass\n")

    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_run_that_overspends_a_share_fails(pytester: pytest.Pytester) -> None:
    body = """
        from tests.shares import SPENT

        def test_slow(request):
            request.config.stash[SPENT]["road"] += 9 * 60
    """

    short, long = run(pytester, body), run(pytester, body, "--form", "long")

    assert (short.ret, long.ret) == (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.OK)
    short.stdout.fnmatch_lines(["FAILED: the share of road is 8 min*"])
