"""Writes the JSON Schema of every message and the AsyncAPI document; the code is the source."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.catalogue import EVENTS, FEED, REQUESTS, SOURCES
from contracts.event import Message
from contracts.releases import RELEASED
from contracts.topology import OUT

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
ASYNCAPI = HERE / "asyncapi.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_HEADERS: Mapping[str, tuple[str, bool]] = {
    "ce-specversion": ("CloudEvents version, 1.0", True),
    "ce-id": ("UUIDv7; the same as Nats-Msg-Id", True),
    "ce-source": ("/siraba/<service> or /partners/<CODE>", True),
    "ce-type": ("ml.siraba.<entity>.<event>.v<major>", True),
    "ce-subject": (
        "case inside; pseudonym in a feed; in a request what it is about, or its own id",
        True,
    ),
    "ce-datacontenttype": ("application/json", True),
    "ce-casesequence": ("per source and case, without gaps; internal streams only", False),
    "ce-feedsequence": ("per source and organisation; in a feed only", False),
    "ce-causationid": ("id of the message this one answers", False),
    "ce-correlationid": ("case inside; referral id in a feed or request", False),
    "ce-traceparent": ("the trace this flow started in", False),
    "traceparent": ("the hop", False),
    "siraba-signature": ("DSSE over attributes and body digest", False),
}


def documents() -> Iterator[tuple[Path, dict[str, Any]]]:
    """(file, content) of everything that is generated."""
    for channel, types in (("events", EVENTS), ("feed", FEED), ("requests", REQUESTS)):
        for ce_type, model in types.items():
            yield SCHEMAS / channel / f"{ce_type}.json", schema_of(model)
    yield ASYNCAPI, asyncapi()


def schema_of(model: type[Message]) -> dict[str, Any]:
    """The JSON Schema of a body, as it is read."""
    return {"$schema": DIALECT, "$id": model.ce_type(), **model.model_json_schema()}


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0.0: the internal streams, each partner's feed, the partners' requests."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for kind, types in (("event", EVENTS), ("feed", FEED), ("request", REQUESTS)):
        for model in types.values():
            key = f"{kind}.{model.name}.v{model.version}"
            messages[key] = _message(model)
            channels[key] = _channel(kind, model, key)
            operations[key] = _operation(kind, key)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Siraba",
            "version": "1.0.0",
            "description": "Victims' referrals between agencies: what travels, and to whom.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "messageTraits": {"cloudevent": {"headers": _headers()}},
        },
    }


def _message(model: type[Message]) -> dict[str, Any]:
    return {
        "name": model.ce_type(),
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": _inlined(model.model_json_schema()),
    }


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions in place, since a message stands alone in the document."""
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inline(definitions[node["$ref"].rpartition("/")[2]])
        return {name: inline(one) for name, one in node.items()}

    inlined: dict[str, Any] = inline(schema)
    return inlined


def _channel(kind: str, model: type[Message], key: str) -> dict[str, Any]:
    typed = f"{model.name}.v{model.version}"
    if kind == "event":
        service = SOURCES[model.ce_type()].rpartition("/")[2]
        address, parameters = (
            f"siraba.{service}.{typed}.{{partition}}",
            {"partition": {"description": "0 to 15, from the case id"}},
        )
    else:
        address = f"{OUT.name.lower()}.{{code}}.{typed}" if kind == "feed" else f"in.{typed}"
        parameters = {"code": {"description": "the organisation's code"}} if kind == "feed" else {}
    return {
        "address": address,
        "messages": {"message": {"$ref": f"#/components/messages/{key}"}},
        **({"parameters": parameters} if parameters else {}),
    }


def _operation(kind: str, key: str) -> dict[str, Any]:
    """Seen from the platform: it sends events and feeds, and receives requests."""
    return {
        "action": "receive" if kind == "request" else "send",
        "channel": {"$ref": f"#/channels/{key}"},
        "messages": [{"$ref": f"#/channels/{key}/messages/message"}],
    }


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": text} for name, (text, _) in _HEADERS.items()
        },
        "required": [name for name, (_, required) in _HEADERS.items() if required],
    }


def rendered(content: dict[str, Any]) -> str:
    """The text of a file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def release(version: str) -> int:
    """Copy everything as it is now to where it never changes again; 1 when that version is there."""
    folder = RELEASED / version
    if folder.exists():
        print(f"{folder.relative_to(HERE.parent)} is released")  # noqa: T201 - a command
        return 1
    for path, content in documents():
        copy = folder / path.relative_to(HERE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(rendered(content))
    return 0


def main() -> int:
    """Write all files, with --check say which differ, or with --release freeze a version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; 1 when files differ")
    parser.add_argument("--release", metavar="VERSION", help="copy to contracts/released/VERSION")
    given = parser.parse_args()
    return release(given.release) if given.release else write(check=given.check)


def write(*, check: bool) -> int:
    """Bring the files up to date, or only say which are not: 1 when there are such."""
    wanted = {path: rendered(content) for path, content in documents()}
    stale = [path for path in SCHEMAS.rglob("*.json") if path not in wanted]
    differing = [p for p, text in wanted.items() if not p.exists() or p.read_text() != text]
    if check:
        for path in (*differing, *stale):
            print(f"{path.relative_to(HERE.parent)}: run `python -m contracts.generate`")  # noqa: T201 - a command
        return 1 if differing or stale else 0
    for path in stale:
        path.unlink()
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
