"""Finds the sheet that holds cases, and which of its columns is what."""

from dataclasses import dataclass

from services.intake.imports.cells import Cell, as_text, is_blank
from services.intake.imports.columns import REQUIRED, by_code, by_label
from services.intake.imports.errors import NotHtcds, UnreadableFile
from services.intake.imports.sheets import Grid

_MAILING = "prs_Mailing"
_LONGEST_NAME = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The rows of cases: `codes` names each column, `first` is the row number of `rows[0]`.

    A column whose code is empty holds the line numbers printed on IOM's form.
    """

    codes: tuple[str, ...]
    first: int
    rows: Grid


def find_sheet(grids: list[Grid]) -> Sheet:
    """The one sheet with HTCDS codes in its first row; raises NotHtcds or UnreadableFile."""
    found = [grid for grid in grids if grid and _has_required(grid[0])]
    if not found:
        raise NotHtcds(_what_is_missing(grids))
    sheets = [_sheet(grid) for grid in found]
    filled = [sheet for sheet in sheets if not _is_empty(sheet)]
    if len(filled) > 1:
        raise UnreadableFile("Two sheets hold cases; put them into one sheet or two files.")
    return filled[0] if filled else sheets[0]


def column_letter(index: int) -> str:
    """The name a spreadsheet gives to a column: 0 is A, 26 is AA."""
    head, tail = divmod(index, 26)
    return (column_letter(head - 1) if head else "") + chr(ord("A") + tail)


def _known(row: list[Cell]) -> set[str]:
    return {column.code for cell in row if (column := by_code(as_text(cell)))}


def _has_required(row: list[Cell]) -> bool:
    return _known(row).issuperset(REQUIRED)


def _what_is_missing(grids: list[Grid]) -> str:
    known = max((_known(grid[0]) for grid in grids if grid), key=len, default=set())
    if not known:
        return "No sheet has HTCDS codes such as prs_Gender in its first row."
    missing = ", ".join(code for code in REQUIRED if code not in known)
    return f"The first row lacks the required HTCDS codes: {missing}."


def _sheet(grid: Grid) -> Sheet:
    width = len(grid[0])
    labelled = len(grid) > 1 and _is_label_row(grid[0], grid[1])
    labels: list[Cell] = [*grid[1], *[""] * width][:width] if labelled else [""] * width
    rows = grid[2:] if labelled else grid[1:]
    codes = [_code(as_text(c), as_text(label)) for c, label in zip(grid[0], labels, strict=True)]
    return Sheet(codes=_named(codes, rows), first=3 if labelled else 2, rows=rows)


def _named(codes: list[str], rows: Grid) -> tuple[str, ...]:
    """Every column under a name of its own, so that no value can hide another."""
    named: list[str] = []
    for index, code in enumerate(codes):
        letter = column_letter(index)
        if code in named and by_code(code):
            first = column_letter(named.index(code))
            raise UnreadableFile(f"The columns {first} and {letter} have the same code.")
        is_nameless = not code and not (index == 0 and _is_numbering(rows))
        if is_nameless or len(code) > _LONGEST_NAME:
            named.append(f"column_{letter}")
        else:
            named.append(f"{code} ({letter})" if code in named else code)
    return tuple(named)


def _is_label_row(codes: list[Cell], row: list[Cell]) -> bool:
    """Whether what stands under the codes of IOM's form are mostly its labels."""
    under = [
        as_text(cell)
        for code, cell in zip(codes, row, strict=False)
        if not is_blank(cell) and (column := by_code(as_text(code))) and column.label
    ]
    return 2 * sum(by_label(text) is not None for text in under) >= len(under) > 0


def _code(written: str, label: str) -> str:
    named = by_code(written)
    labelled = by_label(label) if label else None
    if named is None:
        return labelled.code if labelled and not written else written or label
    # IOM's form hides row 1 and shifts these codes by one: who filled it in has read the label.
    if labelled and named.code.startswith(_MAILING) and labelled.code.startswith(_MAILING):
        return labelled.code
    return named.code


def _is_numbering(rows: Grid) -> bool:
    cells = [row[0] for row in rows if row and not is_blank(row[0])]
    return all(as_text(cell).isdecimal() for cell in cells)


def _is_empty(sheet: Sheet) -> bool:
    return all(
        is_blank(cell) or not code
        for row in sheet.rows
        for code, cell in zip(sheet.codes, row, strict=False)
    )
