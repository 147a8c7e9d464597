"""CloudEvents 1.0 attributes, as they travel in NATS headers (binary mode)."""

import re
from collections.abc import Mapping
from typing import NamedTuple
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
_REQUIRED = ("ce-id", "ce-source", "ce-type", "ce-subject")
_READ = ("ce-id", *_TEXT, *_NUMBERS)


def encode_headers(envelope: Envelope, *, hop: str | None = None) -> dict[str, str]:
    """The headers of one message; `Nats-Msg-Id` repeats the id so that JetStream drops a resend."""
    headers = {
        "Nats-Msg-Id": str(envelope.id),
        "ce-specversion": "1.0",
        "ce-id": str(envelope.id),
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
    given = {name.lower(): value for name, value in (headers or {}).items()}
    found = {name: decode_value(str(given[name])) for name in _READ if name in given}
    for name in _REQUIRED:
        if not found.get(name):
            raise Rejected("missing_attribute", field=name)
    text = {attribute: found.get(header) for header, attribute in _TEXT.items()}
    numbers = {attribute: _number(found, header) for header, attribute in _NUMBERS.items()}
    return Envelope(id=_uuid(found, "ce-id"), **text, **numbers)  # type: ignore[arg-type]  # required ones are checked above


def encode_value(text: str) -> str:
    """An attribute's text as a header's value."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe=SAFE)


def decode_value(value: str) -> str:
    """A header's value as the attribute's text."""
    if not value.isascii():  # half a character can be neither digested nor stored
        value = value.encode("utf-8", "replace").decode()
    return unquote(value) if "%" in value else value


def _number(found: Mapping[str, str], header: str) -> int | None:
    value = found.get(header)
    if value is None:
        return None
    # Longer ones fit no column, and Python refuses the longest with an error of its own.
    if not (value.isascii() and value.isdigit() and len(value) <= NUMBER_DIGITS):
        raise Rejected("missing_attribute", field=header)
    return int(value)


def _uuid(found: Mapping[str, str], header: str) -> UUID:
    try:
        return UUID(found[header])
    except ValueError:
        raise Rejected("missing_attribute", field=header) from None
