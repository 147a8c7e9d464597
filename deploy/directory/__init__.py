"""Reads a directory file: which organisations exist, what each offers, to whom and where."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import TypeAdapter, ValidationError

from contracts.directory import DirectoryEntry

_VERSION = "version"
_Version = TypeAdapter[int | None](int | None)


class DirectoryError(ValueError):
    """A directory file cannot be used; the message has one line per fault, by organisation."""


class Line(NamedTuple):
    """An organisation of a file. version: which one it was changed from, where the file says so."""

    entry: DirectoryEntry
    version: int | None


def load_directory(path: Path) -> tuple[DirectoryEntry, ...]:
    """The organisations of a YAML file, in its order; raises DirectoryError with every fault."""
    return tuple(line.entry for line in load_lines(path))


def load_lines(path: Path) -> list[Line]:
    """As `load_directory`, with the versions that `write_directory` has left in the file."""
    lines: list[Line] = []
    faults: list[str] = []
    for number, raw in enumerate(_listed(path), start=1):
        try:
            lines.append(_line(raw))
        except ValidationError as error:
            faults.extend(_faults(_name(raw, number), error))
    counted = Counter(line.entry.code for line in lines)
    faults.extend(f"{code}: code is used {n} times" for code, n in counted.items() if n > 1)
    if faults:
        raise DirectoryError("\n".join(faults))
    return lines


def write_directory(lines: Sequence[Line]) -> str:
    """The text of a file that `load_lines` reads."""
    listed = [
        {
            _VERSION: line.version,
            **line.entry.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        }
        for line in lines
    ]
    text: str = yaml.safe_dump(
        {"organisations": listed}, allow_unicode=True, sort_keys=False, width=100
    )
    return text


def _line(raw: Any) -> Line:
    """Raises ValidationError."""
    if not isinstance(raw, dict):
        return Line(DirectoryEntry.model_validate(raw), None)
    version = _Version.validate_python(raw.get(_VERSION), strict=True)
    entry = {name: value for name, value in raw.items() if name != _VERSION}
    return Line(DirectoryEntry.model_validate(entry), version)


def _listed(path: Path) -> list[Any]:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DirectoryError(f"{path.name} cannot be read as UTF-8 text") from error
    except yaml.YAMLError as error:
        raise DirectoryError(f"{path.name} is not valid YAML{_position(error)}") from error
    listed = read.get("organisations") if isinstance(read, dict) else None
    if not isinstance(listed, list) or not listed:
        raise DirectoryError(f"{path.name} has no list called organisations")
    return listed


def _position(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}" if mark is not None else ""


def _name(raw: Any, number: int) -> str:
    code = raw.get("code") if isinstance(raw, dict) else None
    return code if isinstance(code, str) else f"organisation {number}"


def _faults(name: str, error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        field = ".".join(str(part) for part in fault["loc"])
        yield f"{name}: {field + ': ' if field else ''}{fault['msg']}"
