"""Reads a workbook or a CSV file into plain rows, refusing what could only be read by guessing."""

import csv
import io
import zipfile

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from services.intake.imports.cells import Cell
from services.intake.imports.columns import by_code
from services.intake.imports.errors import EncryptedFile, UnreadableFile

Grid = list[list[Cell]]

MAX_BYTES = 20 * 1024 * 1024
# A small archive can unpack to more than the machine holds.
MAX_UNPACKED_BYTES = 300 * 1024 * 1024
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")


def read_grids(content: bytes) -> list[Grid]:
    """Every sheet of a workbook, or the one table of a CSV file, each from its first row and column.

    Raises UnreadableFile or EncryptedFile.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"The file is larger than {MAX_BYTES // 1024**2} MiB.")
    if content.startswith(_OLE):
        raise _old_or_encrypted(content)
    if content.startswith(_ZIP):
        return _workbook(content)
    return [_csv(_decoded(content))]


def _old_or_encrypted(content: bytes) -> UnreadableFile | EncryptedFile:
    if _ENCRYPTED_STREAM in content:
        return EncryptedFile("The workbook is protected by a password; save it without one.")
    return UnreadableFile("This is an old Excel format; save the workbook as .xlsx.")


def _workbook(content: bytes) -> list[Grid]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise UnreadableFile("The workbook unpacks to more than can be read.")
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            return [_grid(book, name) for name in book.sheet_names]
    except PasswordError as error:
        raise EncryptedFile("The workbook is protected by a password.") from error
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnreadableFile("The workbook is damaged or is no spreadsheet.") from error


def _grid(book: CalamineWorkbook, name: str) -> Grid:
    return [list(row) for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)]


def _decoded(content: bytes) -> str:
    # UTF-8 first: text in another encoding almost never passes as UTF-8. Excel in French writes
    # Windows-1252 when asked for plain CSV.
    encodings = (
        ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    )
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UnreadableFile("The file is neither a workbook nor text in UTF-8 or Windows-1252.")


def _csv(text: str) -> Grid:
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=lambda mark: _known_codes(first_line, mark))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [list(record) for record in reader]
    except csv.Error as error:
        raise UnreadableFile(f"The CSV file breaks off in line {reader.line_num}.") from error


def _known_codes(line: str, delimiter: str) -> int:
    return sum(by_code(part.strip().strip('"')) is not None for part in line.split(delimiter))
