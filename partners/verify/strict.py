"""Reads JSON so that a file has one reading: every member named once, known, and of its kind."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

FORMS = {
    "hash": re.compile(r"[0-9a-f]{64}"),
    "day": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"),
    "uuid": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "text": re.compile(r"[ -~\n]*"),
}


class Unreadable(Exception):
    """A file that cannot be read at all; the message names file or member, and the rule."""


def parsed(content: bytes, what: str) -> dict[str, Any]:
    """The object that a file holds."""
    try:
        found = json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unreadable(f"{what}: not JSON with each member once") from None
    return members(found, what)


def members(value: Any, what: str, *, of: Sequence[str] = ()) -> dict[str, Any]:
    """An object; with `of`, one that has exactly these members."""
    if not isinstance(value, dict) or (of and set(value) != set(of)):
        raise Unreadable(f"{what}: must be an object" + (f" with {', '.join(of)}" if of else ""))
    return value


def items(value: Any, what: str) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise Unreadable(f"{what}: must be a list")
    return value


def text(value: Any, what: str, *, form: str = "text") -> str:
    """A text of one of FORMS."""
    if not isinstance(value, str) or FORMS[form].fullmatch(value) is None:
        raise Unreadable(f"{what}: must be a {form}")
    return value


def number(value: Any, what: str) -> int:
    """A whole number from 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unreadable(f"{what}: must be a whole number")
    return value


def moment(value: Any, what: str) -> datetime:
    """A time in UTC, to the microsecond."""
    try:
        return datetime.fromisoformat(text(value, what, form="time")).astimezone(UTC)
    except ValueError:
        raise Unreadable(f"{what}: no such time") from None


def signed_moment(value: Any, what: str) -> str:
    """A time as it is signed, from any ISO 8601 that names its zone."""
    try:
        at = datetime.fromisoformat(text(value, what))
    except ValueError:
        raise Unreadable(f"{what}: must be ISO 8601") from None
    if at.tzinfo is None:
        raise Unreadable(f"{what}: must name its zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def raw_hash(value: Any, what: str) -> bytes:
    """32 bytes in hexadecimal."""
    return bytes.fromhex(text(value, what, form="hash"))


def base64(value: Any, what: str) -> bytes:
    """Bytes in base64, in its one spelling."""
    try:
        raw = b64decode(text(value, what), validate=True)
    except ValueError:
        raw = b""
    if b64encode(raw).decode() != value:
        raise Unreadable(f"{what}: must be base64")
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _refuse(_: str) -> None:
    raise ValueError
