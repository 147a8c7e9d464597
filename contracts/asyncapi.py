"""Describes the NATS door in AsyncAPI 3: one document for partners, one for our own streams.

Both are seen from Siraba: it sends feeds and events, and receives requests. Keys of channels and
messages are frozen like the messages themselves (`contracts.gate`).
"""

import inspect
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

from contracts.catalogue import EVENTS, FEED, REQUESTS, SOURCES, Types
from contracts.door import INSIDE, PARTNERS, Document, framed
from contracts.event import Message
from contracts.recorded import Recorded
from contracts.topology import OUT, PARTNER_API_PREFIX, feed_durable, ingress_stream
from contracts.vocabulary import described

#: (channel, CloudEvents type) → a real message.
Examples = Mapping[tuple[str, str], Recorded]

_EXAMPLE_CODE: Final = "SHELTER_BENKADI_KAYES"


class Kind(NamedTuple):
    """One kind of message. name: begins its keys; folder: of its schemas and recorded messages."""

    name: str
    folder: str
    types: Types
    action: str


_EVENT: Final = Kind("event", "events", EVENTS, "send")
_FEED: Final = Kind("feed", "feed", FEED, "send")
_REQUEST: Final = Kind("request", "requests", REQUESTS, "receive")


def partner_document(examples: Examples) -> Document:
    """What partners see: their feeds and their requests."""
    title = "Siraba for partners: the NATS door"
    parts = _parts((_FEED, _REQUEST), examples)
    return framed("partners", title=title, description=PARTNERS, parts=parts)


def internal_document(examples: Examples) -> Document:
    """What our services see: the streams of events."""
    title = "Siraba inside: the streams of events"
    parts = _parts((_EVENT,), examples)
    return framed("inside", title=title, description=INSIDE, parts=parts)


def _parts(kinds: Iterable[Kind], examples: Examples) -> Document:
    channels: Document = {}
    operations: Document = {}
    messages: Document = {}
    for kind in kinds:
        for type, model in kind.types.items():
            key = f"{kind.name}.{model.name}.v{model.version}"
            channels[key] = _channel(kind, model) | {
                "messages": {"message": {"$ref": f"#/components/messages/{key}"}}
            }
            operations[_operation_name(kind, model)] = _operation(kind, model, key)
            messages[key] = _message(model, examples.get((kind.folder, type)))
    return {"channels": channels, "operations": operations, "messages": messages}


def _channel(kind: Kind, model: type[Message]) -> Document:
    words = {"title": model.name, "summary": _summary(model)}
    typed = f"{model.name}.v{model.version}"
    if kind is _EVENT:
        return words | _inside(SOURCES[model.ce_type()].rpartition("/")[2], typed)
    return words | (_feed(typed) if kind is _FEED else _ingress(typed))


def _inside(service: str, typed: str) -> Document:
    return {
        "address": f"siraba.{service}.{typed}.{{partition}}",
        "parameters": {"partition": {"description": "0 to 15, from the case id."}},
        "x-jetstream": {"stream": service.upper()},
    }


def _feed(typed: str) -> Document:
    about_code = "Your organisation's code; you can read no other's."
    return {
        "address": f"out.{{code}}.{typed}",
        "parameters": {"code": {"description": about_code, "examples": [_EXAMPLE_CODE]}},
        "x-jetstream": {
            "stream": OUT.name,
            "durable": "{code}",
            "apiPrefix": PARTNER_API_PREFIX,
            "keptSeconds": _seconds(OUT.max_age),
            "ackWaitSeconds": _seconds(feed_durable(_EXAMPLE_CODE).ack_wait),
        },
    }


def _ingress(typed: str) -> Document:
    stream = ingress_stream(_EXAMPLE_CODE)
    return {
        "address": f"in.{typed}",
        "x-jetstream": {
            "stream": "IN_{code}",
            "storedUnder": f"in.{{code}}.{typed}",
            "keptSeconds": _seconds(stream.max_age),
            "duplicateWindowSeconds": _seconds(stream.duplicate_window),
        },
    }


def _operation_name(kind: Kind, model: type[Message]) -> str:
    words = model.name.replace(".", "_").split("_")
    later = "" if model.version == 1 else f"V{model.version}"
    return kind.action + "".join(word.capitalize() for word in words) + later


def _operation(kind: Kind, model: type[Message], key: str) -> Document:
    """Seen from the platform, as everything here; the words are for whoever reads it."""
    who = {"event": "Our services read", "feed": "You read", "request": "You send"}[kind.name]
    return {
        "action": kind.action,
        "title": f"{who} {model.name}",
        "summary": _summary(model),
        "channel": {"$ref": f"#/channels/{key}"},
        "messages": [{"$ref": f"#/channels/{key}/messages/message"}],
        "tags": [{"name": model.name.partition(".")[0]}],
        "bindings": {"nats": {"bindingVersion": "0.1.0"}},
    }


def _message(model: type[Message], example: Recorded | None) -> Document:
    summary, more = _summary(model), _more(model)
    return {
        "name": model.ce_type(),
        "title": model.name,
        "summary": summary,
        **({"description": more} if more else {}),
        "contentType": "application/json",
        "tags": [{"name": model.name.partition(".")[0]}],
        "correlationId": {"$ref": "#/components/correlationIds/matter"},
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": inlined(described(model.model_json_schema())),
        **({"examples": [_example(example)]} if example else {}),
    }


def _example(one: Recorded) -> Document:
    """A recorded message, its body as JSON; its exact bytes are in contracts/examples."""
    return {
        "name": f"recorded-{one.version}",
        "summary": f"On `{one.subject}`, signed with a key that was thrown away.",
        "headers": one.headers,
        "payload": json.loads(one.body),
    }


def _summary(model: type[Message]) -> str:
    return inspect.getdoc(model).partition("\n")[0]  # type: ignore[union-attr]  # a test asks for it


def _more(model: type[Message]) -> str:
    return inspect.getdoc(model).partition("\n")[2].strip()  # type: ignore[union-attr]  # as above


def _seconds(span: timedelta | None) -> int:
    return int(span.total_seconds()) if span else 0


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions in place, since a message stands alone in the document."""
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            beside = {name: one for name, one in node.items() if name != "$ref"}
            return inline({**definitions[node["$ref"].rpartition("/")[2]], **beside})
        return {name: inline(one) for name, one in node.items()}

    placed: dict[str, Any] = inline(schema)
    return placed
