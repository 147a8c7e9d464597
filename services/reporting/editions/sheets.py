"""The edition's tables for whoever computes on: a workbook with a sheet each, and one CSV file."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]  # it has no types

from services.reporting.editions.view import HIDDEN, Figure, Line, View

#: The columns of the CSV file, with what each holds.
COLUMNS: Final = (
    ("indicator", "Code of the indicator"),
    ("title", "Name of the indicator"),
    ("unit", "What is counted in"),
    ("division", "How it is divided; empty for the whole"),
    ("code", "Code of the row; empty for the whole"),
    ("label", "What the code means"),
    ("value", "The number; “s” where it is not shown"),
    ("out_of", "Out of how many; empty where there is no such number"),
)


def write_sheets(view: View, folder: Path) -> None:
    """`report-<language>.xlsx`, `tables-<language>.csv` and the dictionary of its columns."""
    (folder / f"report-{view.language}.xlsx").write_bytes(_workbook(view))
    _write_csv(
        folder / f"tables-{view.language}.csv",
        [tuple(name for name, _ in COLUMNS), *_lines(view)],
    )
    _write_csv(
        folder / f"dictionary-{view.language}.csv",
        [(name, view.words.gettext(text)) for name, text in COLUMNS],
    )


def _lines(view: View) -> Iterator[tuple[object, ...]]:
    for figure in _figures(view):
        yield _line(figure, "", figure.whole)
        for division in figure.divisions:
            for line in division.lines:
                yield _line(figure, division.dimension, line)


def _line(figure: Figure, dimension: str, line: Line) -> tuple[object, ...]:
    named = (figure.code, figure.title, figure.unit, dimension, line.code, line.label)
    return (*named, *_numbers(figure, line))


def _numbers(figure: Figure, line: Line) -> tuple[object, ...]:
    """As numbers, so that a sheet can add them up; text only where one is hidden."""
    value = HIDDEN if line.number is None else line.number
    out_of = HIDDEN if line.whole is None else line.whole
    return (value, out_of) if figure.has_denominator else (value, "")


def _figures(view: View) -> Iterator[Figure]:
    for section in view.sections:
        yield from section.figures


def _write_csv(path: Path, rows: list[tuple[object, ...]] | list[tuple[str, str]]) -> None:
    # With a byte order mark: without it a spreadsheet reads accents wrongly.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def _workbook(view: View) -> bytes:
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True})
        # The moment of the edition, not of writing: the same again has the same bytes.
        book.set_properties(
            {"title": view.title, "created": view.drawn.edition.window.as_of.replace(tzinfo=None)}
        )
        _sheet(book, view.words.gettext("Contents"), list(_wholes(view)), bold=bold)
        for figure in _figures(view):
            for division in figure.divisions:
                head = (division.head, figure.unit, view.words.gettext("Out of"))
                rows = [(line.label, *_numbers(figure, line)) for line in division.lines]
                title = [(division.caption,), head if figure.has_denominator else head[:2]]
                _sheet(book, division.name, [*title, *rows], bold=bold)
        _sheet(book, view.words.gettext("Revisions"), list(_revisions(view)), bold=bold)
    return content.getvalue()


def _wholes(view: View) -> Iterator[tuple[object, ...]]:
    yield (view.title,)
    yield (view.period,)
    for figure in _figures(view):
        yield (figure.code, figure.title, figure.unit, *_numbers(figure, figure.whole))


def _revisions(view: View) -> Iterator[tuple[object, ...]]:
    yield (view.revision.summary,)
    yield view.revision.heads
    yield from view.revision.rows
    yield view.revision.reason_heads
    yield from view.revision.reasons
    yield (view.revision.note,)


def _sheet(book: Workbook, name: str, rows: list[tuple[object, ...]], *, bold: object) -> None:
    sheet = book.add_worksheet(name[:31])
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 40 if len(rows[-1]) > 3 else 14)
    for nth, row in enumerate(rows):
        sheet.write_row(nth, 0, row, bold if nth < 2 else None)
