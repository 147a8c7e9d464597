"""Keeps the measured figures as rows, one a key, where a long measurement never yields to a short one."""

import fcntl
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypedDict

FormName = Literal["short", "long"]
Value = float | int | str | None


class Row(TypedDict):
    """One measured figure, as build/figures.json and docs/figures.md hold it."""

    key: str
    value: float | int
    unit: str
    bound: str
    holds: bool
    control: Value
    seed: Value
    form: FormName
    commit: str
    at: str


def merge(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """Put new rows over old ones by key; long replaces short, never the reverse."""
    rows = {row["key"]: row for row in old}
    for row in new:
        known = rows.get(row["key"])
        if known is None or known["form"] == "short" or row["form"] == "long":
            rows[row["key"]] = row
    return sorted(rows.values(), key=lambda row: row["key"])


def read_rows(path: Path) -> list[Row]:
    """Read the ledger; none when nothing was measured yet."""
    if not path.exists():
        return []
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8") or "[]")
    return rows


def record(path: Path, row: Row) -> None:
    """Merge one row into the ledger; two test runs at once do not lose each other's rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        rows = merge(json.loads(file.read() or "[]"), [row])
        file.seek(0)
        file.truncate()
        json.dump(rows, file, ensure_ascii=False, indent=1)
