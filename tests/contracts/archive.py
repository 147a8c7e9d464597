"""How a reader takes the recorded messages: what it cannot read, or reads otherwise."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.catalogue import EVENTS, FEED, REQUESTS, Types
from contracts.event import Message
from contracts.reading import read_event, read_feed, read_request
from contracts.recorded import Recorded, platform_keys
from contracts.signing import Kind, verify_message
from contracts.topology import ingress_stream

TYPES: Mapping[str, Types] = {"events": EVENTS, "feed": FEED, "requests": REQUESTS}
KEYS = platform_keys()


def taken(one: Recorded) -> Message:
    """As our services and partners' programs take it. Raises `Rejected`, `SignatureRefused`."""
    kind: Kind = "request" if one.channel == "requests" else "event"
    verify_message(one.headers, one.body, subject=one.subject, kind=kind, keys=KEYS, at=one.at)
    organisation = one.subject.split(".")[1]
    match one.channel:
        case "events":
            return read_event(one.subject, one.headers, one.body)[1]
        case "feed":
            return read_feed(one.subject, one.headers, one.body, code=organisation)[1]
        case _:
            stamped = {"Nats-Stream-Source": ingress_stream(organisation).name}
            return read_request(one.subject, one.headers | stamped, one.body)[1]


def misread(messages: Iterator[Recorded], types: Mapping[str, Types]) -> Iterator[str]:
    """Those whose body these types refuse, or of which they leave something out."""
    for one in messages:
        said = json.loads(one.body)
        try:
            read = types[one.channel][one.type].model_validate_json(one.body)
        except (ValueError, KeyError):
            yield f"{one.channel}/{one.type}: refused"
            continue
        if not is_within(said, json.loads(read.encode())):
            yield f"{one.channel}/{one.type}: read otherwise"


def is_within(part: Any, whole: Any) -> bool:
    """Whether all that one says, the other says as well."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_within(said, whole[name]) for name, said in part.items())
    if isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        return all(is_within(one, other) for one, other in zip(part, whole, strict=True))
    return bool(part == whole)
