"""Messages written with the business rows, in the same transaction; the relay sends them."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.event import Message
from contracts.topology import OUT


class Outgoing(NamedTuple):
    """One message for one stream; `organisation` is set when it is one partner's copy."""

    id: UUID
    stream: str
    message: Message
    subject: str
    case_id: UUID | None = None
    organisation: str | None = None
    causation_id: str | None = None
    correlation_id: str | None = None
    ground: str | None = None
    trace: str | None = None
    started_trace: str | None = None

    @property
    def sequence_key(self) -> str:
        """What its number counts within: the recipient's feed, or the case."""
        return self.organisation if self.stream == OUT.name and self.organisation else self.subject


# What a writer fills in; everything else in the table is the relay's.
_COLUMNS = {
    "id": "uuid",
    "stream": "text",
    "name": "text",
    "version": "int",
    "subject": "text",
    "sequence_key": "text",
    "case_id": "uuid",
    "organisation": "text",
    "causation_id": "text",
    "correlation_id": "text",
    "ground": "text",
    "trace": "text",
    "started_trace": "text",
    "body": "text",
}
_NAMES = ", ".join(_COLUMNS)
_TYPED = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
_ARRAYS = ", ".join(f"cast(:{name} as {kind}[])" for name, kind in _COLUMNS.items())


def _insert(source: str) -> str:
    values = _NAMES.replace("body", "convert_to(body, 'UTF8')")
    return f"insert into outbox ({_NAMES}) select {values} from {source} order by nth"  # noqa: S608 - constants of ours


_ADD = text(_insert(f"unnest({_ARRAYS}) with ordinality as given({_NAMES}, nth)"))


def insert_from(rows: str) -> str:
    """The same insert as a part of a larger statement; rows: has `message` (`as_row`) and `nth`."""
    return _insert(
        f"(select told.*, nth from {rows}, jsonb_to_record(message) as told({_TYPED})) as given"  # noqa: S608 - constants of ours
    )


async def add(connection: AsyncConnection, messages: Sequence[Outgoing]) -> None:
    """Queue the messages in this order; they exist when the transaction commits, or never."""
    if messages:
        rows = [as_row(one) for one in messages]
        await connection.execute(_ADD, {name: [row[name] for row in rows] for name in _COLUMNS})


def as_row(one: Outgoing) -> dict[str, str | int | None]:
    """A message by column, as JSON can hold it."""
    return {
        "id": str(one.id),
        "stream": one.stream,
        "name": one.message.name,
        "version": one.message.version,
        "subject": one.subject,
        "sequence_key": one.sequence_key,
        "case_id": None if one.case_id is None else str(one.case_id),
        "organisation": one.organisation,
        "causation_id": one.causation_id,
        "correlation_id": one.correlation_id,
        "ground": one.ground,
        "trace": one.trace,
        "started_trace": one.started_trace,
        "body": one.message.encode().decode(),
    }
