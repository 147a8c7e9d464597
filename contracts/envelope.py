"""CloudEvents 1.0 attributes, as they travel in NATS headers (binary mode)."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote
from uuid import UUID

SIGNATURE = "siraba-signature"
HOP = "traceparent"
NUMBER_DIGITS = 18
# What the CloudEvents NATS binding leaves as it is; space, quote, percent and the rest are encoded.
SAFE = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Rejected(Exception):
    """A message that cannot be taken; says why and where, never what it held."""

    def __init__(self, reason: str, *, field: str | None = None, allowed: tuple[str, ...] = ()):
        super().__init__(f"{reason}: {field}" if field else reason)
        self.reason = reason
        self.field = field
        self.allowed = allowed


class Envelope(NamedTuple):
    """Who says what about which case; `None` where an attribute does not apply (design §4)."""

    id: UUID
    source: str
    type: str
    subject: str
    case_sequence: int | None = None
    feed_sequence: int | None = None
    causation_id: str | None = None
    correlation_id: str | None = None
    started_trace: str | None = None
    previous_digest: str | None = None
    signature: str | None = None


_TEXT = {
    "ce-source": "source",
    "ce-type": "type",
    "ce-subject": "subject",
    "ce-causationid": "causation_id",
    "ce-correlationid": "correlation_id",
    "ce-traceparent": "started_trace",
    "ce-previousdigest": "previous_digest",
    SIGNATURE: "signature",
}
_NUMBERS = {"ce-casesequence": "case_sequence", "ce-feedsequence": "feed_sequence"}
# Most values need no encoding, and looking costs a tenth of encoding.
_PLAIN = re.compile(r"[A-Za-z0-9/._:-]*")
_ATTRIBUTES = tuple((_TEXT | _NUMBERS).items())
_REQUIRED = {
    "ce-id": "id",
    **{name: _TEXT[name] for name in ("ce-source", "ce-type", "ce-subject")},
}
_READ = {"ce-id": "id", **_TEXT, **_NUMBERS}
_FIXED = ("Nats-Msg-Id", "ce-specversion", "ce-datacontenttype")
#: The names of all headers that a message of ours may have, as it has them.
WRITTEN = frozenset({*_FIXED, *_READ, HOP})


def encode_headers(envelope: Envelope, *, hop: str | None = None) -> dict[str, str]:
    """The headers of one message; `Nats-Msg-Id` repeats the id so that JetStream drops a resend."""
    identity = str(envelope.id)
    headers = {
        "Nats-Msg-Id": identity,
        "ce-specversion": "1.0",
        "ce-id": identity,
        "ce-datacontenttype": "application/json",
    }
    for header, attribute in _ATTRIBUTES:
        value = getattr(envelope, attribute)
        if value is not None:
            headers[header] = encode_value(str(value))
    if hop is not None:
        headers[HOP] = hop
    return headers


def decode_headers(headers: Mapping[str, str] | None) -> Envelope:
    """Read the attributes back. Raises `Rejected` naming the attribute that is missing or wrong."""
    found: dict[str, Any] = {}
    for name, value in (headers or {}).items():
        attribute = _READ.get(name) or _READ.get(name.lower())
        if attribute is not None:
            found[attribute] = decode_value(str(value))
    for header, attribute in _REQUIRED.items():
        if not found.get(attribute):
            raise Rejected("missing_attribute", field=header)
    for header, attribute in _NUMBERS.items():
        if attribute in found:
            found[attribute] = _number(found[attribute], header)
    found["id"] = _uuid(found["id"], "ce-id")
    return Envelope(**found)


def encode_value(text: str) -> str:
    """An attribute's text as a header's value."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe=SAFE)


def decode_value(value: str) -> str:
    """A header's value as the attribute's text."""
    if not value.isascii():  # half a character can be neither digested nor stored
        value = value.encode("utf-8", "replace").decode()
    return unquote(value) if "%" in value else value


def _number(value: str, header: str) -> int:
    # Longer ones fit no column, and Python refuses the longest with an error of its own.
    if not (value.isascii() and value.isdigit() and len(value) <= NUMBER_DIGITS):
        raise Rejected("missing_attribute", field=header)
    return int(value)


def _uuid(value: str, header: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Rejected("missing_attribute", field=header) from None
