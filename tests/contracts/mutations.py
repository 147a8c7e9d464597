"""Changes somebody might make to a released contract: each breaks a reader, or only adds.

A schema is changed at any depth, its definitions included. What a change is called is what the
tables at the end say of it; `proven_safe` is a second opinion, by another's containment checker.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from random import Random
from typing import Any

import jsonschema_rs
from jsonschema_rs.canonical import Containment

from contracts.gate import Contract

Node = dict[str, Any]
#: Changes a node in place; False where there is nothing to change in it.
Mutation = Callable[[Random, Node], bool]
NEW = {"type": "string"}


def nodes(schema: Any) -> Iterator[Node]:
    """Every schema within a schema, itself included."""
    if isinstance(schema, list):
        for one in schema:
            yield from nodes(one)
    elif isinstance(schema, dict):
        yield schema
        for name, one in schema.items():
            if name in ("properties", "$defs"):
                for field in one.values():
                    yield from nodes(field)
            elif name not in ("default", "enum", "const", "required"):
                yield from nodes(one)


def mutated(random: Random, schema: Mapping[str, Any], mutation: Mutation) -> Node | None:
    """The schema, changed in one place; None where this mutation finds no place."""
    changed: Node = deepcopy(dict(schema))
    places = list(nodes(changed))
    random.shuffle(places)
    return changed if any(mutation(random, place) for place in places) else None


def _field(random: Random, node: Node) -> str | None:
    names = sorted(node.get("properties", ()))
    return random.choice(names) if names else None


def _required(node: Node) -> list[str]:
    required: list[str] = node.setdefault("required", [])
    return required


def _optional(node: Node) -> list[str]:
    return sorted(node.get("properties", {}).keys() - set(node.get("required", ())))


def remove_field(random: Random, node: Node) -> bool:
    name = _field(random, node)
    if name is not None:
        del node["properties"][name]
        node["required"] = [one for one in node.get("required", ()) if one != name]
    return name is not None


def rename_field(random: Random, node: Node) -> bool:
    name = _field(random, node)
    if name is not None:
        other = f"{name}_id"
        node["properties"][other] = node["properties"].pop(name)
        node["required"] = [other if one == name else one for one in node.get("required", ())]
    return name is not None


def require_field(random: Random, node: Node) -> bool:
    names = _optional(node)
    if names:
        _required(node).append(random.choice(names))
    return bool(names)


def require_new_field(random: Random, node: Node) -> bool:
    if "properties" not in node:
        return False
    node["properties"]["novel"] = dict(NEW)
    _required(node).append("novel")
    return True


def add_optional_field(random: Random, node: Node) -> bool:
    if "properties" not in node or node.get("additionalProperties") is False:
        return False
    node["properties"]["novel"] = dict(NEW) | {"default": None}
    return True


def add_optional_field_where_refused(random: Random, node: Node) -> bool:
    if node.get("additionalProperties") is not False:
        return False
    node["properties"]["novel"] = dict(NEW)
    return True


def free_field(random: Random, node: Node) -> bool:
    if not node.get("required"):
        return False
    node["required"].remove(random.choice(node["required"]))
    return True


def remove_code(random: Random, node: Node) -> bool:
    if len(node.get("enum", ())) < 2:
        return False
    node["enum"].remove(random.choice(node["enum"]))
    return True


def rename_code(random: Random, node: Node) -> bool:
    if not node.get("enum"):
        return False
    place = random.randrange(len(node["enum"]))
    node["enum"][place] = f"{node['enum'][place]}_2"
    return True


def add_code(random: Random, node: Node) -> bool:
    if not node.get("enum"):
        return False
    node["enum"].insert(random.randrange(len(node["enum"])), "novel")
    return True


def _bound(random: Random, node: Node) -> str | None:
    here = sorted(name for name in UPPER | LOWER if name in node)
    return random.choice(here) if here else None


FITTING: Mapping[str, Mapping[str, Any]] = {
    "string": {"maxLength": 30, "minLength": 1, "pattern": "^[A-Z]"},
    "integer": {"maximum": 100, "minimum": 2},
    "array": {"maxItems": 2, "minItems": 1},
}
UPPER = {"maximum", "maxLength", "maxItems"}
LOWER = {"minimum", "minLength", "minItems"}


def narrow_bound(random: Random, node: Node) -> bool:
    name = _bound(random, node)
    if name is not None:
        node[name] += -1 if name in UPPER else 1
    return name is not None


def widen_bound(random: Random, node: Node) -> bool:
    name = _bound(random, node)
    if name is not None:
        node[name] += 1 if name in UPPER else -1
    return name is not None


def drop_bound(random: Random, node: Node) -> bool:
    name = _bound(random, node)
    if name is not None:
        del node[name]
    return name is not None


def add_bound(random: Random, node: Node) -> bool:
    fitting = FITTING.get(node.get("type", ""), {})
    absent = sorted(fitting.keys() - node.keys())
    if not absent or "enum" in node or "format" in node or "const" in node:
        return False
    name = random.choice(absent)
    node[name] = fitting[name]
    return True


def change_pattern(random: Random, node: Node) -> bool:
    if "pattern" not in node:
        return False
    node["pattern"] = random.choice(["^[a-z]{2}$", node["pattern"].replace("^", "^x"), ".*"])
    return True


def drop_pattern(random: Random, node: Node) -> bool:
    return node.pop("pattern", None) is not None


def change_type(random: Random, node: Node) -> bool:
    if not isinstance(node.get("type"), str):
        return False
    kinds = {"string", "integer", "boolean", "array", "object", "number", "null"} - {node["type"]}
    node["type"] = random.choice(sorted(kinds))
    return True


def change_format(random: Random, node: Node) -> bool:
    if "format" not in node:
        return False
    node["format"] = random.choice(sorted({"date", "date-time", "uuid"} - {node["format"]}))
    return True


def drop_format(random: Random, node: Node) -> bool:
    return node.pop("format", None) is not None


def change_default(random: Random, node: Node) -> bool:
    if "default" not in node:
        return False
    node["default"] = "other" if node["default"] != "other" else None
    return True


def change_constant(random: Random, node: Node) -> bool:
    if "const" not in node:
        return False
    node["const"] = "other"
    return True


def refuse_null(random: Random, node: Node) -> bool:
    if {"type": "null"} not in node.get("anyOf", ()):
        return False
    node["anyOf"] = [one for one in node["anyOf"] if one != {"type": "null"}]
    return True


def take_null(random: Random, node: Node) -> bool:
    name = _field(random, node)
    if name is None or "anyOf" in node["properties"][name]:
        return False
    node["properties"][name] = {"anyOf": [node["properties"][name], {"type": "null"}]}
    return True


def take_another_type(random: Random, node: Node) -> bool:
    if "anyOf" not in node:
        return False
    node["anyOf"].append({"type": "boolean"})
    return True


def refuse_the_unknown(random: Random, node: Node) -> bool:
    if "properties" not in node or "additionalProperties" in node:
        return False
    node["additionalProperties"] = False
    return True


def change_items(random: Random, node: Node) -> bool:
    if "items" not in node:
        return False
    node["items"] = {"type": "object", "properties": {"code": node["items"]}}
    return True


def say_it_otherwise(random: Random, node: Node) -> bool:
    node["description"] = "Said better."
    node["title"] = "Better"
    node["examples"] = ["better"]
    return True


def shuffle(random: Random, node: Node) -> bool:
    for name in ("enum", "required"):
        random.shuffle(node.get(name, []))
    if "properties" in node:
        fields = list(node["properties"].items())
        random.shuffle(fields)
        node["properties"] = dict(fields)
    return True


#: Break whoever reads, or is read.
BREAKING: tuple[Mutation, ...] = (
    remove_field,
    rename_field,
    require_field,
    require_new_field,
    remove_code,
    rename_code,
    narrow_bound,
    add_bound,
    change_pattern,
    change_type,
    change_format,
    change_default,
    change_constant,
    refuse_null,
    change_items,
    refuse_the_unknown,
)
#: Take more than before: break old readers of what we write, and nobody where we alone read.
WIDENING: tuple[Mutation, ...] = (
    add_code,
    widen_bound,
    drop_bound,
    free_field,
    add_optional_field_where_refused,
)
#: Take more than before, in a way that the gate lets nobody do: it does not weigh one pattern or
#: type against another.
WIDENING_OTHERWISE: tuple[Mutation, ...] = (
    drop_pattern,
    drop_format,
    take_null,
    take_another_type,
)
ADDING: tuple[Mutation, ...] = (add_optional_field, say_it_otherwise, shuffle)


def proven_safe(old: Mapping[str, Any], new: Mapping[str, Any], *, is_read_by_all: bool) -> bool:
    """Whether new readers take all old messages, and old readers all new ones where those read too.

    A writer writes the fields of its schema and no others, and a reader that does not refuse what
    it does not know ignores it. Formats and defaults are beyond this checker.
    """
    written = _as_written(old)
    takes_old = _covers(_as_written(new), written)
    return takes_old and (not is_read_by_all or _covers(written, _as_written(_as_read(new))))


def _covers(reader: Node, writer: Node) -> bool:
    covered = jsonschema_rs.canonicalize(reader).covers(jsonschema_rs.canonicalize(writer))
    return covered is Containment.YES


def _as_written(schema: Mapping[str, Any]) -> Node:
    """Without room for unknown fields."""
    closed: Node = deepcopy(dict(schema))
    for node in nodes(closed):
        if "properties" in node:
            node["additionalProperties"] = False
    return closed


def _as_read(new: Mapping[str, Any]) -> Node:
    """What is left of new messages for an old reader that ignores what it does not know."""
    left: Node = deepcopy(dict(new))
    for node in nodes(left):
        if node.get("additionalProperties") is not False:
            node.get("properties", {}).pop("novel", None)
    return left


ContractMutation = Callable[[Random, Contract], Contract]


def remove_type(random: Random, contract: Contract) -> Contract:
    gone = random.choice(sorted(contract.schemas))
    kept = {name: one for name, one in contract.schemas.items() if name != gone}
    return contract._replace(schemas=kept)


def remove_channel(random: Random, contract: Contract) -> Contract:
    gone = random.choice(sorted(contract.channels))
    kept = {name: one for name, one in contract.channels.items() if name != gone}
    return contract._replace(channels=kept)


def _changing(**change: Any) -> ContractMutation:
    def change_one(random: Random, contract: Contract) -> Contract:
        key = random.choice(sorted(contract.channels))
        channel = contract.channels[key]
        fields = {name: make(getattr(channel, name)) for name, make in change.items()}
        return contract._replace(channels={**contract.channels, key: channel._replace(**fields)})

    return change_one


def _with_header(name: str, *, is_required: bool) -> Callable[[Any], Any]:
    def change(headers: Mapping[str, Any]) -> Mapping[str, Any]:
        changed = deepcopy(dict(headers))
        for schema in changed.values():
            schema["properties"][name] = dict(NEW)
            if is_required and name not in schema["required"]:
                schema["required"].append(name)
        return changed

    return change


def _without_header(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    changed = deepcopy(dict(headers))
    for schema in changed.values():
        del schema["properties"]["ce-correlationid"]
    return changed


def remove_code_everywhere(random: Random, contract: Contract) -> Contract:
    """As somebody does who takes a line out of the vocabulary."""
    schemas = deepcopy(dict(contract.schemas))
    lists = [node["enum"] for one in schemas.values() for node in nodes(one) if "enum" in node]
    chosen = list(random.choice([one for one in lists if len(one) > 1]))
    for one in lists:
        if one == chosen:
            one.remove(chosen[0])
    return contract._replace(schemas=schemas)


def add_type(random: Random, contract: Contract) -> Contract:
    name = random.choice(sorted(contract.schemas))
    return contract._replace(schemas={**contract.schemas, f"{name}_novel": dict(NEW)})


def add_channel(random: Random, contract: Contract) -> Contract:
    key = random.choice(sorted(contract.channels))
    channels = {**contract.channels, f"{key}_novel": contract.channels[key]}
    return contract._replace(channels=channels)


BREAKING_CONTRACT: Mapping[str, ContractMutation] = {
    "remove_type": remove_type,
    "remove_channel": remove_channel,
    "remove_code_everywhere": remove_code_everywhere,
    "change_address": _changing(address=lambda old: old.replace(".v1", ".v2")),
    "change_way": _changing(ways=lambda old: frozenset({"send", "receive"}) - old),
    "add_parameter": _changing(parameters=lambda old: old | {"region"}),
    "change_message": _changing(messages=lambda old: frozenset({"ml.siraba.other.told.v1"})),
    "require_header": _changing(headers=_with_header("ce-novel", is_required=True)),
    "require_known_header": _changing(headers=_with_header("ce-causationid", is_required=True)),
    "remove_header": _changing(headers=_without_header),
}
ADDING_CONTRACT: Mapping[str, ContractMutation] = {
    "add_type": add_type,
    "add_channel": add_channel,
    "add_header": _changing(headers=_with_header("ce-novel", is_required=False)),
}
