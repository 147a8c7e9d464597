"""Which types exist on which channel, and how a message is read: the only way in for bytes."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from contracts import feed, intake, referral, reporting, reports, requests
from contracts.envelope import Envelope, Rejected, decode_headers
from contracts.event import Message

Types = Mapping[str, type[Message]]


def index(messages: Iterable[type[Message]]) -> dict[str, type[Message]]:
    """The classes by their CloudEvents type."""
    return {message.ce_type(): message for message in messages}


EVENTS: Types = index((*intake.EVENTS, *referral.EVENTS, *reporting.EVENTS))
FEED: Types = index(feed.FEED)
REQUESTS: Types = index((*requests.REQUESTS, *reports.REPORTS))

# Each service is the only source of its own events.
SOURCES: Mapping[str, str] = {
    message.ce_type(): module.SOURCE
    for module in (intake, referral, reporting)
    for message in module.EVENTS
}


def read_message(
    headers: Mapping[str, str] | None, body: bytes, *, types: Types
) -> tuple[Envelope, Message]:
    """Attributes and typed body. Raises `Rejected` with reason, field and allowed codes."""
    envelope = decode_headers(headers)
    model = types.get(envelope.type)
    if model is None:
        raise Rejected("unknown_type", field="ce-type", allowed=tuple(sorted(types)))
    return envelope, read_body(model, body)


def read_body(model: type[Message], body: bytes) -> Message:
    """The typed body. Raises `Rejected`; the first error speaks for all."""
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Rejected("not_utf8", field="body") from None
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _rejected(error) from None


def _rejected(error: ValidationError) -> Rejected:
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        return Rejected("not_json", field="body")
    reason = "unknown_code" if first["type"] == "unknown_code" else "wrong_schema"
    # The name of a field that we do not know is the sender's text: it is not repeated.
    where = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
    allowed = _codes(first.get("ctx", {}).get("allowed", ""))
    return Rejected(reason, field=".".join(map(str, where)) or "body", allowed=allowed)


def _codes(sentence: str) -> tuple[str, ...]:
    """The codes that an error names as "a, b"; none where a long list is only counted."""
    codes = tuple(sentence.split(", ")) if sentence else ()
    return () if any(" " in code for code in codes) else codes
