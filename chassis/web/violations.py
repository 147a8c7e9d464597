"""Turns pydantic's findings into violations, letting through only words that we wrote ourselves.

Pydantic repeats what it was given: in `input`, in `msg`, in parts of `ctx`, and in `loc` where a
sender chose a key. Only error types, allow-listed parts of `ctx`, and names that stand in our own
OpenAPI document pass; any other name in a place becomes `*`.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from chassis.web.problems import Violation

PLACES = ("body", "query", "path", "header", "cookie")
KEY = "[key]"  # pydantic's word for: the key itself is what breaks the rule
# These come from our schema, never from the input (`tag`, `error`, `actual_length` would).
LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "max_digits")


def known_names(document: object) -> Iterator[str]:
    """Every property, listed key and parameter name of an OpenAPI document, in lower case."""
    if isinstance(document, Mapping):
        properties = document.get("properties")
        if isinstance(properties, Mapping):
            yield from (str(name).lower() for name in properties)
        keys = document.get("propertyNames")
        if isinstance(keys, Mapping):
            yield from (str(name).lower() for name in keys.get("enum", ()))
        if "in" in document and isinstance(document.get("name"), str):
            yield str(document["name"]).lower()
        for value in document.values():
            yield from known_names(value)
    elif isinstance(document, list):
        for value in document:
            yield from known_names(value)


def violations(errors: Sequence[Any], known: Collection[str]) -> list[Violation]:
    """Name field, rule and what would be right for each of pydantic's errors."""
    return [_violation(error, known) for error in errors]


def _violation(error: Mapping[str, Any], known: Collection[str]) -> Violation:
    place, *path = error["loc"] or ("body",)
    context: Mapping[str, Any] = error.get("ctx") or {}
    violation = Violation(field=_field(path, known) or str(place), rule=str(error["type"]))
    if place in PLACES:
        violation["place"] = place
    if isinstance(context.get("list"), str):
        violation["list"] = context["list"]
    if allowed := _allowed(context):
        violation["allowed"] = allowed
    if limits := {name: context[name] for name in LIMITS if _is_number(context.get(name))}:
        violation["limit"] = limits
    return violation


def _field(path: Sequence[str | int], known: Collection[str]) -> str:
    return ".".join(
        str(step) if isinstance(step, int) or step == KEY or step.lower() in known else "*"
        for step in path
    )


def _allowed(context: Mapping[str, Any]) -> list[str]:
    """The codes that would be right: ours as a list or "a, b", pydantic's as "'a', 'b' or 'c'"."""
    codes = context.get("allowed", context.get("expected_tags", context.get("expected")))
    if isinstance(codes, list | tuple):
        return [str(code) for code in codes]
    if not isinstance(codes, str):
        return []
    quoted = re.findall(r"'([^']*)'", codes)
    plain = codes.split(", ")
    return quoted or ([] if any(" " in code for code in plain) else plain)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
