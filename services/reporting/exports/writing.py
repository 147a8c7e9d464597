"""Writes an export and the dictionary of its columns; both of them or none."""

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path

from services.reporting.exports.shown import Export
from services.reporting.use_cases.drawing import Drawn

Lines = Iterable[Sequence[str | int]]


def dictionary_beside(out: Path) -> Path:
    """Where the dictionary of this export stands."""
    return out.with_name(f"{out.stem}-dictionary.csv")


def lines(export: Export, drawn: Drawn) -> Iterator[Sequence[str | int]]:
    """The names of the columns, then the rows."""
    yield [name for name, _, _ in export.columns]
    yield from export.rows(drawn)


def meanings(export: Export) -> Lines:
    """The dictionary: what each column holds, and where that comes from."""
    return [("column", "meaning", "source"), *export.columns]


def as_csv(told: Lines) -> str:
    """The same as one text."""
    text = StringIO(newline="")
    csv.writer(text).writerows(told)
    return text.getvalue()


def write_export(out: Path, export: Export, drawn: Drawn) -> tuple[Path, Path]:
    """The export as CSV and its dictionary.

    Raises FileExistsError where one of them is there already, and OSError; then nothing is left.
    """
    dictionary = dictionary_beside(out)
    for one in (out, dictionary):
        if one.exists():
            raise FileExistsError(f"{one}: is there already; choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as draft:
        told, meant = Path(draft, "export"), Path(draft, "dictionary")
        _write(told, lines(export, drawn))
        _write(meant, meanings(export))
        meant.replace(dictionary)
        told.replace(out)
    return out, dictionary


def _write(path: Path, told: Lines) -> None:
    path.write_text(as_csv(told), "utf-8", newline="")
