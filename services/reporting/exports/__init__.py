"""What reporting gives to others in their own form; each number is one that an edition may show."""

from collections.abc import Mapping
from typing import Final

from services.reporting.exports.ctdc import CTDC
from services.reporting.exports.glotip import GLOTIP
from services.reporting.exports.htcds import HTCDS
from services.reporting.exports.shown import HIDDEN, Export
from services.reporting.exports.writing import (
    as_csv,
    dictionary_beside,
    lines,
    meanings,
    write_export,
)

__all__ = [
    "EXPORTS",
    "HIDDEN",
    "Export",
    "as_csv",
    "dictionary_beside",
    "lines",
    "meanings",
    "write_export",
]
#: By the name that a person asks for.
EXPORTS: Final[Mapping[str, Export]] = {"glotip": GLOTIP, "ctdc": CTDC, "htcds": HTCDS}
