"""The SQLite file under the ledger: its tables, and transactions that are on disk when they end."""

import os
import sqlite3  # noqa: TID251  # the partner's kit is the one place with a SQLite file
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from partners.kit.errors import LedgerRefused

Database: TypeAlias = sqlite3.Connection
Row: TypeAlias = sqlite3.Row

VERSION = 5

# A message is known by (source, id), never by id alone: one source cannot silence another.
_SCHEMA = """
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    hop TEXT,
    started_trace TEXT,
    copies INTEGER NOT NULL DEFAULT 1,
    received_at TEXT NOT NULL,
    handled_at TEXT,
    UNIQUE (source, id)
) STRICT;
CREATE TABLE feed (source TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;
CREATE TABLE missing (
    source TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    noticed_at TEXT NOT NULL,
    PRIMARY KEY (source, first)
) STRICT;
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY,
    stream_sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    field TEXT,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    kept_at TEXT NOT NULL,
    UNIQUE (stream_sequence, digest)
) STRICT;
CREATE TABLE referral (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    service TEXT NOT NULL,
    offer BLOB,
    message INTEGER NOT NULL REFERENCES message,
    changed_at TEXT NOT NULL
) STRICT;
CREATE TABLE request (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    answers INTEGER REFERENCES message,
    subject TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    stored_at TEXT NOT NULL,
    acknowledged_at TEXT,
    refused TEXT,
    answered_at TEXT
) STRICT;
CREATE INDEX request_waiting ON request (number) WHERE acknowledged_at IS NULL;
CREATE TABLE replay (since TEXT NOT NULL, asked_at TEXT NOT NULL) STRICT;
CREATE TABLE store (door TEXT PRIMARY KEY, born TEXT NOT NULL) STRICT;
CREATE TABLE withdrawal (
    id TEXT PRIMARY KEY,
    referral TEXT NOT NULL,
    message INTEGER NOT NULL REFERENCES message
) STRICT;
"""
# What brings a file to the version after this one.
_STEPS = {
    0: _SCHEMA,
    # Not every request is about a referral, and nothing ever asked.
    1: "ALTER TABLE request DROP COLUMN referral_id",
    2: "CREATE TABLE replay (since TEXT NOT NULL, asked_at TEXT NOT NULL) STRICT",
    # What was answered before was not written down, so what was taken counts as answered.
    3: "CREATE TABLE store (born TEXT NOT NULL) STRICT; ALTER TABLE request ADD COLUMN answered_at"
    " TEXT; UPDATE request SET answered_at = acknowledged_at",
    # Each door names the feed's making in its own way. What was withdrawn before is confirmed.
    4: "DROP TABLE store; CREATE TABLE store (door TEXT PRIMARY KEY, born TEXT NOT NULL) STRICT;"
    " CREATE TABLE withdrawal (id TEXT PRIMARY KEY, referral TEXT NOT NULL,"
    " message INTEGER NOT NULL REFERENCES message) STRICT",
}


def connect(path: Path) -> Database:
    """Open or make the file, readable by its owner only; several processes may.

    Raises `LedgerRefused` when it is no ledger, or a newer kit's.
    """
    try:
        # SQLite would make it with the umask's rights; its own side files copy this one's.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        return _ready(sqlite3.connect(path, timeout=10, isolation_level=None), path)
    except (OSError, sqlite3.Error) as error:
        raise LedgerRefused(f"{path} cannot be used ({type(error).__name__})") from None


def connect_memory() -> Database:
    """The same tables in memory only."""
    return _ready(sqlite3.connect(":memory:", isolation_level=None), Path("memory"))


def _ready(database: Database, path: Path) -> Database:
    try:
        database.row_factory = sqlite3.Row
        for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            database.execute(f"PRAGMA {setting}")
        with transaction(database):
            _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def transaction(database: Database) -> Iterator[None]:
    """All of it or nothing; takes the write lock first, so that two processes queue up."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _prepare(database: Database, path: Path) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise LedgerRefused(f"{path} was made by a newer siraba-partner: update this one")
    for step in (0,) if version == 0 else range(version, VERSION):
        for statement in _STEPS[step].split(";"):
            database.execute(statement)
    database.execute(f"PRAGMA user_version = {VERSION}")
