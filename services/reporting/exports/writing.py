"""Writes an export and the dictionary of its columns; both of them or none."""

import csv
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

Column = tuple[str, str, str]


def dictionary_beside(out: Path) -> Path:
    """Where the dictionary of this export stands."""
    return out.with_name(f"{out.stem}-dictionary.csv")


def write_export(
    out: Path, columns: Sequence[Column], rows: Iterable[Sequence[str | int]]
) -> tuple[Path, Path]:
    """The export as CSV and its dictionary; columns: name, what it holds, where that comes from.

    Raises FileExistsError where one of them is there already, and OSError; then nothing is left.
    """
    dictionary = dictionary_beside(out)
    for one in (out, dictionary):
        if one.exists():
            raise FileExistsError(f"{one}: is there already; choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as draft:
        told, meant = Path(draft, "export"), Path(draft, "dictionary")
        _write(told, [[name for name, _, _ in columns], *rows])
        _write(meant, [("column", "meaning", "source"), *columns])
        meant.replace(dictionary)
        told.replace(out)
    return out, dictionary


def _write(path: Path, rows: Iterable[Sequence[str | int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
