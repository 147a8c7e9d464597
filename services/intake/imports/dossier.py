"""Gathers what is personal or finer than our codes, by dossier section, and drops nothing."""

from services.intake.imports.cells import as_text
from services.intake.imports.columns import Column, columns
from services.intake.imports.reader import RowReader

Dossier = dict[str, dict[str, str]]

OTHER = "other"
# Coarser in our codes than in HTCDS: the dossier keeps what was written.
_AS_WRITTEN = ("prs_Gender", "vic_TypeOfExploitation")


def read_dossier(reader: RowReader) -> Dossier:
    """Section → column code → value: days in ISO form, coded values as our codes joined by `;`.

    A column that HTCDS does not know goes to the section `other` under its own heading.
    """
    dossier: Dossier = {}
    for name, cell in reader.cells.items():
        column = columns().get(name)
        if column is None:
            dossier.setdefault(OTHER, {})[name] = as_text(cell)
        elif column.section:
            dossier.setdefault(column.section, {})[name] = _value(reader, column)
    return dossier


def _value(reader: RowReader, column: Column) -> str:
    name = column.code
    if name in _AS_WRITTEN:
        return reader.text(name)
    match column.holds:
        case "day" | "past_day":
            day = reader.day(name)
            return day.isoformat() if day else ""
        case "code":
            return reader.code(name) or ""
        case "codes":
            return ";".join(reader.codes(name))
        case "yes_no":
            return "true" if reader.yes_no(name) else "false"
        case "number":
            return reader.number_text(name)
        case _:
            return reader.text(name)
