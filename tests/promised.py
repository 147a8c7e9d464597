"""Reads what each issue promised, and judges a measured value by the bound that was promised."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROMISES = Path(__file__).with_name("promised.toml")
BOUND = re.compile(r"(?P<sign>[≤≥]?) ?(?P<number>-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Promise:
    """One promised figure: the bound in the issue's words, and its unit."""

    key: str
    bound: str
    unit: str

    def kept_by(self, value: float) -> bool:
        return is_within(value, self.bound)


@dataclass(frozen=True)
class Issue:
    """One issue's promises: its minutes of CI time and its figures by key."""

    name: str
    minutes: float
    figures: Mapping[str, Promise]


def is_within(value: float, bound: str) -> bool:
    """Judge a value by "≤ n", "≥ n" or "n" (exactly n).

    Raises:
        ValueError: the bound is in none of these forms.
    """
    found = BOUND.fullmatch(bound)
    if found is None:
        raise ValueError(f"not a bound: {bound}")
    number = float(found["number"])
    if found["sign"] == "≤":
        return value <= number
    return value >= number if found["sign"] == "≥" else value == number


def read_promises(path: Path = PROMISES) -> dict[str, Issue]:
    """Read every issue's promises, by the issue's short name."""
    return {
        name: Issue(
            name,
            table["minutes"],
            {key: Promise(key, **promise) for key, promise in table.get("figures", {}).items()},
        )
        for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


def promise_of(key: str, issues: Mapping[str, Issue]) -> Promise | None:
    """Find the promise behind a figure's key; None when nobody promised it."""
    issue = issues.get(key.partition(".")[0])
    return issue.figures.get(key) if issue else None
