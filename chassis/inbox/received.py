"""One message as consumers see it: raw as it lies in the stream, then read and checked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple, Self
from uuid import UUID

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from opentelemetry.trace import Span
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.envelope import Envelope, Rejected
from contracts.event import Message


class Raw(NamedTuple):
    """Bytes and where they lie; the same from a delivery, from the stream or from the table.

    again: its reader has had it before, and has it anew since somebody decided so.
    """

    subject: str
    headers: Mapping[str, str]
    body: bytes
    stream: str
    sequence: int
    recorded_at: datetime
    again: bool = False

    @classmethod
    def delivered(cls, message: Msg) -> Self:
        """A delivery by JetStream."""
        stream, sequence, nanoseconds = _place(message.reply)
        return cls(
            subject=message.subject,
            headers=message.headers or {},
            body=message.data,
            stream=stream,
            sequence=sequence,
            recorded_at=_recorded(nanoseconds),
        )

    @classmethod
    def stored(cls, stream: str, message: RawStreamMsg) -> Self:
        """A message read again from its stream."""
        return cls(
            subject=message.subject or "",
            # Values that are no ASCII come as objects here, and as text from a delivery.
            headers={name: str(value) for name, value in (message.headers or {}).items()},
            body=message.data or b"",
            stream=stream,
            sequence=message.seq or 0,
            recorded_at=_moment(message.time),
        )

    @classmethod
    def direct(cls, stream: str, message: Msg) -> Self:
        """An answer to a direct get. What the server adds stands last, and the last counts."""
        headers = dict(message.headers or {})
        return cls(
            subject=headers["Nats-Subject"],
            headers=headers,
            body=message.data,
            stream=stream,
            sequence=int(headers["Nats-Sequence"]),
            recorded_at=_moment(headers["Nats-Time-Stamp"]),
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body, so that a reused id with another body shows."""
        return sha256(self.body).digest()

    @property
    def message_id(self) -> str | None:
        """The sender's own id, if it is one; any other text may be about a person."""
        identity = {name.lower(): value for name, value in self.headers.items()}.get("ce-id", "")
        with suppress(ValueError):
            return str(UUID(identity))
        return None


@dataclass(slots=True, kw_only=True, eq=False)
class Received:
    """A checked message. `span` and `trace`, the hop to hand on, are set while it is processed.

    `refused`: for what reason its handler has said no, if it has. `rejected`: why the handler could
    not read what only it can open.
    """

    raw: Raw
    envelope: Envelope
    message: Message
    organisation: str | None = None
    trace: str | None = None
    span: Span | None = None
    refused: str | None = None
    rejected: Rejected | None = None

    def came_to(self, case_id: UUID | None, *, refused: str | None = None) -> None:
        """Let trace and numbers know what only the handler could find out."""
        self.refused = refused
        if case_id is not None and self.span is not None:
            self.span.set_attribute("siraba.case_id", str(case_id))

    @property
    def place(self) -> tuple[str, str]:
        """(source, ce-subject): within it, order counts."""
        return self.envelope.source, self.envelope.subject


_ACK_TOKENS = 9
Handler = Callable[[AsyncConnection, Sequence[Received]], Awaitable[None]]


def _place(reply: str) -> tuple[str, int, int]:
    """Stream, sequence and the stream's own timestamp in nanoseconds, which nats-py would round.

    `$JS.ACK.<stream>.<consumer>.…`: nine tokens, or eleven and more with a domain and account.
    """
    tokens = reply.split(".")
    if len(tokens) > _ACK_TOKENS:
        tokens = tokens[2:]
    return tokens[2], int(tokens[5]), int(tokens[7])


def _recorded(nanoseconds: int) -> datetime:
    """To the microsecond below, as a stored message gives it, or it would have two recorded times."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest // 1000)


def _moment(stamp: datetime | str | None) -> datetime:
    if isinstance(stamp, str):
        # Python 3.11 reads at most microseconds; NATS writes nanoseconds.
        whole, _, rest = stamp.rstrip("Z").partition(".")
        stamp = datetime.fromisoformat(f"{whole}.{rest[:6].ljust(6, '0')}+00:00")
    return (stamp or datetime.fromtimestamp(0, tz=UTC)).astimezone(UTC)
