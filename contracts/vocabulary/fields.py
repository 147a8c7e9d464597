"""What each field of a message means, in French and English, with its unit: one table for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from contracts.vocabulary.tables import entries, table


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWords:
    """One sentence in each language; unit: a code of the list `unit`, or empty."""

    unit: str
    en: str
    fr: str


@cache
def field_table() -> Mapping[str, FieldWords]:
    """By `field`, or by `Model.field` where one model means something of its own."""
    return {
        row["field"]: FieldWords(unit=row["unit"], en=row["en"], fr=row["fr"])
        for row in table("fields.csv")
    }


def field_words(model: str, field: str) -> FieldWords:
    """What this field of a model, named as in its schema's title, means. Raises LookupError."""
    known = field_table()
    found = known.get(f"{model}.{field}") or known.get(field)
    if found is None:
        raise LookupError(f"{model}.{field}: say what it means in contracts/vocabulary/fields.csv")
    return found


def described(schema: Any) -> Any:
    """The schema with the English sentence in each field's place."""
    if isinstance(schema, list):
        return [described(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _described_fields(schema["title"], one) if name == "properties" else described(one)
        for name, one in schema.items()
    }


def _described_fields(model: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: described(field) | {"description": _sentence(field_words(model, name))}
        for name, field in fields.items()
    }


def _sentence(words: FieldWords) -> str:
    return f"{words.en} In {entries('unit')[words.unit].en}." if words.unit else words.en
