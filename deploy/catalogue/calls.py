"""The calls of one API, in the order of its document, without those that only machines ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PROBES = "probes"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation. takes: its parameters, `{body}` fields not included."""

    method: str
    path: str
    words: str
    takes: tuple[str, ...]


def calls_of(document: Mapping[str, Any]) -> list[Call]:
    """From an OpenAPI document."""
    return [
        _call(method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if _PROBES not in operation.get("tags", ())
    ]


def _call(method: str, path: str, operation: Mapping[str, Any]) -> Call:
    words = str(operation.get("description") or operation.get("summary") or "")
    names = tuple(one["name"] for one in operation.get("parameters", ()))
    body = ("body",) if "requestBody" in operation else ()
    return Call(method.upper(), path, words.partition("\n\n")[0], (*names, *body))
