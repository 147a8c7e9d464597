"""What reporting gives to others in their own form; each number is one that an edition may show."""

from services.reporting.exports.glotip import COLUMNS, glotip_rows
from services.reporting.exports.writing import dictionary_beside, write_export

__all__ = ["COLUMNS", "dictionary_beside", "glotip_rows", "write_export"]
