"""A pytest plugin: `figure` writes a measured figure to the ledger, `form` says how large to measure."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from tests.promised import promise_of, read_promises
from tests.rows import FormName, Row, Value, record

T = TypeVar("T")


@dataclass(frozen=True)
class Form:
    """The size of this run: short in every CI run, long before an issue closes."""

    name: FormName

    @property
    def is_long(self) -> bool:
        return self.name == "long"

    def pick(self, *, short: T, long: T) -> T:
        """Choose a size, a count or a duration by form."""
        return long if self.is_long else short


class Figure(Protocol):
    """Record one figure and fail when its bound does not hold.

    A promised key takes unit, bound and judgement from tests/promised.toml; a given one must agree.
    """

    def __call__(
        self,
        key: str,
        value: float,
        *,
        unit: str | None = None,
        bound: str | None = None,
        holds: bool | None = None,
        control: Value = None,
        seed: Value = None,
    ) -> None: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("siraba figures")
    group.addoption(
        "--form", choices=["short", "long"], default="short", help="sizes to measure at"
    )
    group.addoption(
        "--figures-of",
        metavar="ISSUE",
        help="only tests that measure figures of this issue, or all",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    issue = config.getoption("--figures-of")
    is_short = config.getoption("--form") == "short"
    kept = [
        item
        for item in items
        if (issue is None or _measures(item, issue))
        and not (is_short and item.get_closest_marker("long"))
    ]
    if len(kept) == len(items):
        return
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _measures(item: pytest.Item, issue: str) -> bool:
    if "figure" not in getattr(item, "fixturenames", ()):
        return False
    mark = item.get_closest_marker("share")
    return issue in ("all", mark.args[0] if mark else "road")


@pytest.fixture(scope="session")
def form(pytestconfig: pytest.Config) -> Form:
    """The sizes of this run, from --form."""
    return Form(pytestconfig.getoption("--form"))


@pytest.fixture
def figure(pytestconfig: pytest.Config, form: Form) -> Figure:
    """Records a measured figure in build/figures.json and asserts that its bound holds."""
    return recorder(
        pytestconfig.rootpath / "build" / "figures.json",
        form=form.name,
        commit=_commit(pytestconfig.rootpath),
        now=lambda: datetime.now(UTC),
    )


def recorder(path: Path, *, form: FormName, commit: str, now: Callable[[], datetime]) -> Figure:
    """Build the `figure` function for one ledger file."""
    issues = read_promises()

    def figure(
        key: str,
        value: float,
        *,
        unit: str | None = None,
        bound: str | None = None,
        holds: bool | None = None,
        control: Value = None,
        seed: Value = None,
    ) -> None:
        promise = promise_of(key, issues)
        if promise is not None:
            judged = promise.kept_by(value)
            assert unit in (None, promise.unit), f"{key} was promised in {promise.unit}"
            assert bound in (None, promise.bound), f"{key} was promised as {promise.bound}"
            assert holds in (None, judged), f"{key}: the test judges otherwise than the promise"
            unit, bound, holds = promise.unit, promise.bound, judged
        assert unit is not None, f"{key} needs a unit"
        assert bound is not None, f"{key} needs a bound"
        assert holds is not None, f"{key} needs a judgement"
        row = Row(
            key=key, value=value, unit=unit, bound=bound, holds=holds, control=control, seed=seed,
            form=form, commit=commit, at=now().isoformat(timespec="seconds"),
        )  # fmt: skip
        record(path, row)
        assert holds, f"{key} is {value} {unit}, promised {bound}"

    return figure


@cache
def _commit(root: Path) -> str:
    """Name the commit that is measured, with -dirty when the tree differs from it."""
    command = ["git", "describe", "--always", "--abbrev=10", "--dirty", "--exclude", "*"]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "none"
