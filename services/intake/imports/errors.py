"""Why a whole file cannot be imported; a bad row is a Refusal and never one of these."""


class ImportFileError(Exception):
    """The file as a whole cannot be imported; nothing of it was read. `rule` is its code."""

    rule = "unreadable"


class NotHtcds(ImportFileError):
    """The file is readable but is no HTCDS sheet: its code row or a required column is missing."""

    rule = "not_htcds"


class UnreadableFile(ImportFileError):
    """The bytes are no workbook and no CSV that can be read without guessing."""


class EncryptedFile(ImportFileError):
    """The workbook is protected by a password."""

    rule = "encrypted"
