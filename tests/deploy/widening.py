"""Judges a migration by what it would execute: does it only add to what the code before it uses?"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory

_NAME: Final = r"(?:if\s+(?:not\s+)?exists\s+|only\s+)*([\w.]+)"
_MADE: Final = re.compile(rf"create\s+table\s+{_NAME}", re.IGNORECASE)
#: On tables that the same migration makes, everything is new.
_ON: Final = re.compile(
    r"(?:alter\s+table|insert\s+into"
    r"|create\s+(?:unique\s+)?index\s+(?:(?!on\b)\w+\s+)*on"
    r"|create\s+(?:policy|trigger)\s+\w+\s+[^;]*?\bon"
    rf"|revoke\s[^;]*?\bon)\s+(?:table\s+)?{_NAME}",
    re.IGNORECASE,
)
_ADDS: Final = re.compile(
    r"create\s+(?:table|index|function|sequence|type)\b(?!.*\bconcurrently\b)"
    r"|create\s+policy\b(?!.*\bas\s+restrictive\b)|grant\b|comment\s+on\b",
    re.IGNORECASE | re.DOTALL,
)
_ADDED_COLUMN: Final = re.compile(
    r"add\s+column\s+(?:if\s+not\s+exists\s+)?\w+\s+"
    r"(?:(?!\bunique\b|\bprimary\s+key\b|\bnot\s+null\b).)*"
    r"|add\s+column\s+(?:if\s+not\s+exists\s+)?\w+\s+(?=.*\bdefault\b(?!\s+null\b))"
    r"(?:(?!\bunique\b|\bprimary\s+key\b).)*",
    re.IGNORECASE | re.DOTALL,
)
_PIECES: Final = re.compile(r"--[^\n]*|(\$\w*\$).*?\1|'[^']*'|[^;]", re.DOTALL)
_COMMENT: Final = re.compile(r"--[^\n]*")


def later_than_the_first(folder: Path) -> Iterator[Script]:
    """The migrations of this folder that come after another."""
    if not (folder / "versions").is_dir():
        return
    for one in ScriptDirectory(str(folder)).walk_revisions():
        if one.down_revision:
            yield one


def executed_by(migration: Script) -> str:
    """The SQL of its `upgrade`, from scripts and from Alembic's operations alike."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        migration.module.upgrade()
    return written.getvalue()


def narrowing(script: str) -> list[str]:
    """Its statements that code of the version before may stumble over."""
    statements = list(_statements(script))
    made = {found[1] for one in statements if (found := _MADE.match(one))}
    return [one for one in statements if not _only_adds(one, made)]


def _statements(script: str) -> Iterator[str]:
    """Quoted text and bodies of functions stay whole."""
    whole: list[str] = []
    end = 0
    for piece in _PIECES.finditer(script):
        if piece.start() != end:
            yield "".join(whole).strip()
            whole = []
        whole.append(_COMMENT.sub("", piece[0]) if piece[0].startswith("--") else piece[0])
        end = piece.end()
    yield "".join(whole).strip()


def _only_adds(statement: str, made: set[str]) -> bool:
    if not statement or ((on := _ON.match(statement)) and on[1] in made):
        return True
    altered = re.match(rf"alter\s+table\s+{_NAME}\s+", statement, re.IGNORECASE)
    if altered:
        parts = _parts(statement[altered.end() :])
        return all(_ADDED_COLUMN.fullmatch(part) for part in parts)
    return bool(_ADDS.match(statement))


def _parts(actions: str) -> list[str]:
    """The actions of one `alter table`; commas within brackets part nothing."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", actions)]
