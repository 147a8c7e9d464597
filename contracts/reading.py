"""The checks every message passes before a handler sees it: attributes, body, origin, subject."""

from collections.abc import Mapping

from contracts.catalogue import EVENTS, FEED, REQUESTS, SOURCES, read_message
from contracts.envelope import Envelope, Rejected
from contracts.event import Message
from contracts.topology import (
    internal_subject,
    origin_of,
    out_subject,
    sender_of,
    stored_partner_subject,
)

REQUEST_BYTES = 65_536


def read_event(
    subject: str, headers: Mapping[str, str], body: bytes
) -> tuple[Envelope, Message, None]:
    """An event of one of our services, whose sender is no organisation. Raises `Rejected`."""
    envelope, message = read_message(headers, body, types=EVENTS)
    if SOURCES[envelope.type] != envelope.source:
        raise Rejected("wrong_source", field="ce-source")
    if envelope.case_sequence is None:
        raise Rejected("missing_attribute", field="ce-casesequence")
    service = envelope.source.rpartition("/")[2]
    if subject != internal_subject(
        service, message.name, message.version, subject_id=envelope.subject
    ):
        raise Rejected("wrong_subject", field="subject")
    return envelope, message, None


def read_request(
    subject: str, headers: Mapping[str, str], body: bytes
) -> tuple[Envelope, Message, str]:
    """A partner's request and the organisation that sent it. Raises `Rejected`.

    Who sent it is what the server stamped, twice: in the subject and in the stream it came from.
    """
    try:
        sender = sender_of(subject)
    except ValueError:
        raise Rejected("wrong_subject", field="subject") from None
    if origin_of(headers) != sender:
        raise Rejected("wrong_source", field="stream")
    if len(body) > REQUEST_BYTES:
        raise Rejected("oversize", field="body")
    envelope, message = read_message(headers, body, types=REQUESTS)
    if envelope.source != partner_source(sender):
        raise Rejected("wrong_source", field="ce-source")
    if subject != stored_partner_subject(sender, message.name, message.version):
        raise Rejected("wrong_subject", field="subject")
    return envelope, message, sender


def read_feed(
    subject: str, headers: Mapping[str, str], body: bytes, *, code: str
) -> tuple[Envelope, Message]:
    """A message of this organisation's own feed. Raises `Rejected`."""
    envelope, message = read_message(headers, body, types=FEED)
    if subject != out_subject(code, message.name, message.version):
        raise Rejected("wrong_subject", field="subject")
    return envelope, message


def partner_source(code: str) -> str:
    """The `ce-source` of an organisation's own messages."""
    return f"/partners/{code}"
