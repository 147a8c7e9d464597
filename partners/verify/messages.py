"""One stream's messages of the case: each signed by its source, each naming the one before it."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from partners.verify.document import SERVICES, Finding, Message
from partners.verify.keys import Keys

START = "0" * 64
#: How far the clock of the stream and that of a writer may be apart.
LEEWAY = timedelta(minutes=5)
_VALUE = re.compile(r"[!-~]*")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def payload_of(message: Message) -> bytes:
    """What the signature speaks for, and the next message's digest."""
    signed = sorted(name for name in message.headers if name != "siraba-signature")
    lines = [f"{name}:{message.headers[name]}\n" for name in signed]
    lines.append(f"subject:{message.subject}\n")
    lines.append(f"sha-256:{sha256(message.body).hexdigest()}\n")
    return "".join(lines).encode()


def made_at(message: Message) -> datetime | None:
    """When its writer made it: its id, which is signed, says so (UUIDv7)."""
    given = message.headers.get("ce-id", "")
    if _ID.fullmatch(given) is None:
        return None
    return datetime.fromtimestamp(int(given.replace("-", "")[:12], 16) / 1000, tz=UTC)


def stream_findings(
    stream: str, messages: Sequence[Message], *, case: str, keys: Keys
) -> Iterator[Finding]:
    """Everything wrong with one stream's messages, by the number each should have."""
    previous, before = START, None
    for nth, message in enumerate(messages, start=1):
        where = f"{stream} {nth}"
        payload = payload_of(message)
        for fault in _own_faults(message, payload, case=case, keys=keys):
            yield Finding(where, fault)
        if message.headers.get("ce-casesequence") != str(nth):
            number = message.headers.get("ce-casesequence", "none")[:20]
            yield Finding(where, f"number {number} stands here: one is missing, put in or moved")
        if message.headers.get("ce-previousdigest") != previous:
            yield Finding(where, "does not follow the message before it")
        if before is not None and not _comes_after(message, before):
            yield Finding(where, "lies before its predecessor in the stream")
        previous, before = sha256(payload).hexdigest(), message


def _own_faults(message: Message, payload: bytes, *, case: str, keys: Keys) -> Iterator[str]:
    headers = message.headers
    service = message.stream.lower()
    if not all(_VALUE.fullmatch(value) for value in (*headers.values(), message.subject)):
        yield "an attribute has no one reading"
    if service not in SERVICES or headers.get("ce-source") != f"/siraba/{service}":
        yield "is not of the service whose stream it lies in"
    if headers.get("ce-subject") != case:
        yield "is about another case"
    if message.subject != _subject(service, headers):
        yield "lies under another subject than its own"
    signature = headers.get("siraba-signature", "")
    fault = keys.fault(signature, payload, kind="event", owner=service, at=message.recorded_at)
    if fault is not None:
        yield fault
    made = made_at(message)
    if made is None or message.recorded_at < made - LEEWAY:
        yield "was stored before it was made"


def _subject(service: str, headers: dict[str, str]) -> str:
    typed = headers.get("ce-type", "").removeprefix("ml.siraba.")
    partition = int.from_bytes(sha256(headers.get("ce-subject", "").encode()).digest()[:2]) % 16
    return f"siraba.{service}.{typed}.{partition}"


def _comes_after(message: Message, before: Message) -> bool:
    return message.sequence > before.sequence and message.recorded_at >= before.recorded_at
