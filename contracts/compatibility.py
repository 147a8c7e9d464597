"""The contract gate: within a major version a message may gain optional fields, and nothing else.

Streams are read again years later and partners upgrade when they can, so old readers must take new
messages and new readers old ones (design §4). That rules out a wider list of codes as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# What says nothing about which documents are valid.
_SAID = frozenset({"title", "description", "default", "examples", "$defs", "$id", "$schema"})
Schema = Mapping[str, Any]


def breaks(old: Schema, new: Schema) -> list[str]:
    """Where and how `new` breaks with `old`; empty where it is the same or only adds."""
    return list(_breaks(_inlined(old), _inlined(new), "body"))


def _breaks(old: Any, new: Any, where: str) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{where}: changed"
        return
    for name in sorted((old.keys() | new.keys()) - {"properties", "required"}):
        if name not in old or name not in new:
            yield f"{where}.{name}: {'new' if name in new else 'gone'}"
        else:
            yield from _rule_breaks(old[name], new[name], f"{where}.{name}")
    yield from _field_breaks(old, new, where)


def _rule_breaks(old: Any, new: Any, where: str) -> Iterator[str]:
    """One keyword: a schema, a list of schemas, or a value such as a type, pattern or list of codes."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _breaks(one, other, f"{where}[{place}]")
    else:
        yield from _breaks(old, new, where)


def _field_breaks(old: Schema, new: Schema, where: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name in after:
            yield from _breaks(schema, after[name], f"{where}.{name}")
        else:
            yield f"{where}.{name}: gone"
    required = set(old.get("required", ())) ^ set(new.get("required", ()))
    for name in sorted(required):
        yield f"{where}.{name}: {'required' if name in new.get('required', ()) else 'optional'} now"


def _inlined(schema: Schema) -> Any:
    """Definitions in place, words left out; our messages do not refer to themselves."""
    definitions = schema.get("$defs", {})

    def rules(node: Any) -> Any:
        if isinstance(node, list):
            return [rules(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return rules(definitions[node["$ref"].rpartition("/")[2]])
        kept = {name: rules(value) for name, value in node.items() if name not in _SAID}
        # Here a name is a field's, which may be called like a word.
        fields = {name: rules(value) for name, value in node.get("properties", {}).items()}
        return kept | {"properties": fields} if fields else kept

    return rules(schema)
