"""What changed between two versions of a schema, and which of it breaks somebody (design §4).

Within a major version a type may only gain. What that means depends on who reads it:

`any`   What we write, in our streams and in the feeds. Streams are read again years later and
        partners upgrade when they can, so an old reader must take new messages and a new reader
        old ones. Left over is one addition: an optional field, where the reader ignores what it
        does not know. A further code, a wider bound and a field that may now be left out all reach
        an old reader unawares, and break it.
`ours`  What partners write, their requests. Nobody reads those but the newest of us, who must take
        what the oldest of them says. So one may also take more: a further code, a wider bound, a
        field no longer required, an optional field where unknown ones are refused.

A default is a rule too: where a field is left out, its default is what was said.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

Schema = Mapping[str, Any]
Reader = Literal["any", "ours"]

# What says nothing about which documents are valid, or what they mean.
_WORDS: Final = frozenset(
    {"title", "description", "examples", "$comment", "$defs", "$id", "$schema"}
)
# Keywords whose content is a document, in which nothing is a keyword.
_DOCUMENTS: Final = frozenset({"default", "const", "enum"})
_UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems"})
_LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems"})
# A rule may be null itself, as a default often is.
_ABSENT: Final = object()


class Change(NamedTuple):
    """One difference: the place as a dotted path from `body`, what became of it, whom it breaks."""

    where: str
    what: str
    is_break: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def changes(old: Schema, new: Schema, *, reader: Reader = "any") -> list[Change]:
    """All that differs in what is valid or meant; empty for other words and another order."""
    if old == new:
        return []
    return list(_Walk(reader).changes(_rules(old), _rules(new), "body"))


def breaks(old: Schema, new: Schema, *, reader: Reader = "any") -> list[str]:
    """Where and how `new` breaks with `old`; empty where it is the same or only adds."""
    return [str(one) for one in changes(old, new, reader=reader) if one.is_break]


class _Walk(NamedTuple):
    reader: Reader

    def changes(self, old: Any, new: Any, where: str) -> Iterator[Change]:
        """Of two schemas with their definitions in place."""
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                yield Change(where, "changed", True)
            return
        for name in sorted((old.keys() | new.keys()) - {"properties", "required"}):
            pair = old.get(name, _ABSENT), new.get(name, _ABSENT)
            yield from self._of_keyword(name, pair, f"{where}.{name}")
        yield from self._of_fields(old, new, where)
        yield from self._of_need(old, new, where)

    def _of_keyword(self, name: str, pair: tuple[Any, Any], where: str) -> Iterator[Change]:
        """One rule other than the fields."""
        old, new = pair
        if old == new:
            return
        if name == "enum" and isinstance(old, list) and isinstance(new, list):
            yield from self._of_codes(old, new, where)
        elif name in _DOCUMENTS:
            yield Change(where, _became(old, new), True)
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for place, (one, other) in enumerate(zip(old, new, strict=True)):
                yield from self.changes(one, other, f"{where}[{place}]")
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from self.changes(old, new, where)
        else:
            takes_more = self.reader == "ours" and _is_wider(name, old, new)
            yield Change(where, _became(old, new), not takes_more)

    def _of_codes(self, old: list[Any], new: list[Any], where: str) -> Iterator[Change]:
        for code in old:
            if code not in new:
                yield Change(where, f"code {code} gone", True)
        for code in new:
            if code not in old:
                yield Change(where, f"code {code} new", self.reader == "any")

    def _of_fields(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        # Whoever refuses what it does not know has no room for a field.
        is_closed = old.get("additionalProperties", True) is not True
        for name, schema in before.items():
            if name in after:
                yield from self.changes(schema, after[name], f"{where}.{name}")
            else:
                yield Change(f"{where}.{name}", "gone", True)
        for name in after:
            if name not in before:
                yield Change(f"{where}.{name}", "new", is_closed and self.reader == "any")

    def _of_need(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        before, after = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(after - before):
            yield Change(f"{where}.{name}", "required now", True)
        for name in sorted((before - after) & new.get("properties", {}).keys()):
            yield Change(f"{where}.{name}", "optional now", self.reader == "any")


def _became(old: Any, new: Any) -> str:
    return "new" if old is _ABSENT else "gone" if new is _ABSENT else "changed"


def _is_wider(name: str, old: Any, new: Any) -> bool:
    """Whether a bound that was there lets more through now."""
    if name not in _UPPER | _LOWER or old is _ABSENT:
        return False
    return new is _ABSENT or bool(new > old if name in _UPPER else new < old)


def _rules(schema: Schema) -> Any:
    """Definitions in place, words left out; our messages do not refer to themselves."""
    definitions = schema.get("$defs", {})

    def rules(node: Any) -> Any:
        if isinstance(node, list):
            return [rules(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            beside = {name: value for name, value in node.items() if name != "$ref"}
            return rules({**definitions[node["$ref"].rpartition("/")[2]], **beside})
        kept = {
            name: value if name in _DOCUMENTS else rules(value)
            for name, value in node.items()
            if name not in _WORDS | {"properties"}
        }
        # Here a name is a field's, which may be called like a keyword.
        fields = {name: rules(value) for name, value in node.get("properties", {}).items()}
        return kept | {"properties": fields} if fields else kept

    return rules(schema)
