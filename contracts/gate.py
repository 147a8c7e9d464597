"""The contract gate: `python -m contracts.gate` fails where the code breaks with what was released.

It compares every message, channel and operation that the code describes with the newest folder
under `contracts/released`. `contracts.compatibility` says what breaks whom.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from contracts.compatibility import Change, Reader, Schema, changes
from contracts.generate import HERE, SCHEMAS, documents
from contracts.releases import RELEASED, VERSION, is_newer, newest_release

_ASYNCAPI = "asyncapi"


class Channel(NamedTuple):
    """Where one kind of message travels, as an AsyncAPI document has it.

    ways: `send` or `receive`, seen from us; messages: their CloudEvents types; headers: type → schema.
    """

    address: str
    ways: frozenset[str]
    parameters: frozenset[str]
    messages: frozenset[str]
    headers: Mapping[str, Schema]


class Contract(NamedTuple):
    """All that others rely on. schemas: `<channel>/<type>` → JSON Schema; channels: by their key."""

    schemas: Mapping[str, Schema]
    channels: Mapping[str, Channel]


def current() -> Contract:
    """What the code describes."""
    return _contract((path.relative_to(HERE), content) for path, content in documents())


def read_contract(folder: Path) -> Contract:
    """What a folder holds, laid out as `contracts` is. Raises OSError, ValueError."""
    paths = [*folder.glob(f"{_ASYNCAPI}*.json"), *(folder / SCHEMAS.name).rglob("*.json")]
    contract = _contract(
        (path.relative_to(folder), json.loads(path.read_bytes())) for path in paths
    )
    if not contract.schemas or not contract.channels:
        raise ValueError(f"{folder.name}: no released contract")
    return contract


def compare(old: Contract, new: Contract) -> list[Change]:
    """All that differs, breaks and additions."""
    found = [*_of_schemas(old, new), *_of_channels(old, new)]
    return list(dict.fromkeys(found))


def _of_schemas(old: Contract, new: Contract) -> Iterator[Change]:
    for name, schema in old.schemas.items():
        if name not in new.schemas:
            yield Change(name, "gone", True)
            continue
        reader: Reader = "ours" if name.startswith("requests/") else "any"
        for one in changes(schema, new.schemas[name], reader=reader):
            yield one._replace(where=f"{name} {one.where}")
    for name in new.schemas:
        if name not in old.schemas:
            yield Change(name, "new", False)


def _of_channels(old: Contract, new: Contract) -> Iterator[Change]:
    for key, before in old.channels.items():
        where, after = f"channel {key}", new.channels.get(key)
        if after is None:
            yield Change(where, "gone", True)
            continue
        for name in ("address", "ways", "parameters"):
            if getattr(before, name) != getattr(after, name):
                yield Change(f"{where} {name}", "changed", True)
        yield from _of_messages(before, after, where)
    for key in new.channels:
        if key not in old.channels:
            yield Change(f"channel {key}", "new", False)


def _of_messages(old: Channel, new: Channel, where: str) -> Iterator[Change]:
    for name in sorted(old.messages - new.messages):
        yield Change(f"{where} {name}", "gone", True)
    # A reader of this channel does not look for another type there.
    for name in sorted(new.messages - old.messages):
        yield Change(f"{where} {name}", "new", True)
    for name in sorted(old.messages & new.messages):
        for one in changes(old.headers[name], new.headers[name]):
            # What is added is mostly added to all of a kind, and said once.
            place = where if one.is_break else where.partition(".")[0].replace("channel", "every")
            yield one._replace(where=f"{place} header {one.where.removeprefix('body.')}")


def _contract(files: Iterable[tuple[Path, Any]]) -> Contract:
    schemas: dict[str, Schema] = {}
    channels: dict[str, Channel] = {}
    for path, content in files:
        if path.parts[0] == SCHEMAS.name:
            schemas["/".join(path.with_suffix("").parts[1:])] = content
        elif path.name.startswith(_ASYNCAPI):
            channels |= _channels(content)
    return Contract(schemas, channels)


def _channels(document: Mapping[str, Any]) -> dict[str, Channel]:
    ways: dict[str, set[str]] = {}
    for operation in document["operations"].values():
        ways.setdefault(operation["channel"]["$ref"], set()).add(operation["action"])
    found = {}
    for key, channel in document["channels"].items():
        messages = [_target(document, one) for one in channel["messages"].values()]
        found[key] = Channel(
            address=channel["address"],
            ways=frozenset(ways.get(f"#/channels/{key}", ())),
            parameters=frozenset(channel.get("parameters", ())),
            messages=frozenset(message["name"] for message in messages),
            headers={message["name"]: _headers(document, message) for message in messages},
        )
    return found


def _headers(document: Mapping[str, Any], message: Mapping[str, Any]) -> Schema:
    """Those of a message and of its traits; our documents say them in one place or the other."""
    parts = [message, *(_target(document, trait) for trait in message.get("traits", ()))]
    said = [_target(document, part["headers"]) for part in parts if "headers" in part]
    return said[0] if said else {}


def _target(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node itself, or what its `$ref` names within the document."""
    while "$ref" in node:
        found: Any = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def main(arguments: list[str] | None = None) -> int:
    """Say what was added, and what breaks: 1 when anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--released", type=Path, default=RELEASED, help="folder of the releases")
    parser.add_argument("--additions", action="store_true", help="name what was added as well")
    given = parser.parse_args(arguments)
    release = newest_release(given.released)
    found = compare(read_contract(release), current())
    broken = [one for one in found if one.is_break]
    for one in found if given.additions else broken:
        print(f"{'BREAKS' if one.is_break else 'adds'} {one}")  # noqa: T201 - a command
    print(f"{len(broken)} breaks with {release.name}, {len(found) - len(broken)} additions")  # noqa: T201 - a command
    if found and not is_newer(VERSION, release.name):
        print(f"BREAKS the number: raise VERSION in contracts/releases.py above {release.name}")  # noqa: T201 - a command
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
