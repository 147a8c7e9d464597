"""Turns a JSON Schema into the rows of a table that a person can read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from babel.numbers import format_decimal

from contracts.vocabulary import codes, entry, field_words, list_names

Translate = Callable[[str], str]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field. path: dotted, `[]` for the entries of a list; list: of codes, with a page of its own.

    values: the few that are possible where no list names them; limits: sentences.
    """

    path: str
    kind: str
    words: str
    is_required: bool
    list: str | None = None
    values: tuple[str, ...] = ()
    unit: str = ""
    limits: tuple[str, ...] = ()


def rows_of(schema: Schema, *, language: str, _: Translate) -> list[Row]:
    """The fields of a message, those of its parts below the field that holds the part."""
    return list(_Rows(schema.get("$defs", {}), language, _).fields(schema, ""))


@cache
def list_of(values: frozenset[str]) -> str | None:
    """The list that has exactly these codes; None where none has."""
    return next((name for name in list_names() if set(codes(name)) == values), None)


@dataclass(frozen=True, slots=True)
class _Rows:
    definitions: Schema
    language: str
    _: Translate

    def fields(self, schema: Schema, below: str) -> Iterator[Row]:
        for name, field in schema.get("properties", {}).items():
            path, is_required = f"{below}{name}", name in schema.get("required", ())
            words = field_words(schema["title"], name)
            said = self.resolved(field)
            inner = self.resolved(said.get("items", {}))
            yield Row(
                path=path,
                kind=self.kind(said, inner),
                words=words.fr if self.language == "fr" else words.en,
                is_required=is_required,
                unit=self.unit(words.unit),
                limits=(*self.limits(said), *self.limits(inner)),
                **self.codes(inner if inner else said),
            )
            for part, mark in ((said, "."), (inner, "[].")):
                yield from self.fields(part, f"{path}{mark}")

    def resolved(self, field: Schema) -> Schema:
        """Without references, and without the null that stands for an absent field."""
        while "$ref" in field:
            field = self.definitions[field["$ref"].rpartition("/")[2]]
        choices = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
        return self.resolved(choices[0]) if len(choices) == 1 else field

    def kind(self, said: Schema, inner: Schema) -> str:
        _ = self._
        if said.get("type") == "array":
            kind = self.kind(inner, {})
            # So that a page can go on with the name of the list.
            is_coded = kind == _("code")
            return _("list of codes") if is_coded else _("list of: %(kind)s") % {"kind": kind}
        if "anyOf" in said:
            kinds = (self.kind(self.resolved(one), {}) for one in said["anyOf"])
            return " / ".join(dict.fromkeys(kinds))
        if "enum" in said or "const" in said:
            return _("code")
        formats = {
            "uuid": _("id (UUID)"),
            "date": _("day (YYYY-MM-DD)"),
            "date-time": _("moment (RFC 3339)"),
        }
        types = {
            "string": _("text"),
            "integer": _("whole number"),
            "boolean": _("yes or no"),
            "object": _("part"),
        }
        return formats.get(said.get("format", "")) or types[said["type"]]

    def unit(self, code: str) -> str:
        if not code:
            return ""
        known = entry("unit", code)
        return known.fr if self.language == "fr" else known.en

    def codes(self, said: Schema) -> dict[str, Any]:
        """The list of codes where there is one, and what is possible besides or without one."""
        choices = [said, *(self.resolved(one) for one in said.get("anyOf", ()))]
        known, values = None, []
        for one in choices:
            found = one.get("enum", [one["const"]] if "const" in one else [])
            if (name := list_of(frozenset(found))) is not None:
                known = name
            else:
                values += found
        return {"list": known, "values": tuple(map(str, values))}

    def limits(self, said: Schema) -> Iterator[str]:
        _ = self._
        low, high = said.get("minimum"), said.get("maximum")
        if low is not None and high is not None:
            yield _("from %(low)s to %(high)s") % {
                "low": self.number(low),
                "high": self.number(high),
            }
            said = {name: one for name, one in said.items() if name not in ("minimum", "maximum")}
        sentences = {
            "minimum": _("at least %(value)s"),
            "maximum": _("at most %(value)s"),
            "minItems": _("at least %(value)s in the list"),
            "maxItems": _("at most %(value)s in the list"),
            "maxLength": _("at most %(value)s characters"),
        }
        for rule, sentence in sentences.items():
            if rule in said:
                yield sentence % {"value": self.number(said[rule])}
        if "pattern" in said:
            yield _("in the form %(value)s") % {"value": said["pattern"]}

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self.language))
