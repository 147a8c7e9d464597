"""Messages written with the business rows, in the same transaction; the relay sends them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.event import Message
from contracts.topology import OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
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


_INSERT = """
    insert into outbox (id, stream, name, version, subject, sequence_key, case_id, organisation,
                        causation_id, correlation_id, ground, trace, started_trace, body)
    select (row->>'id')::uuid, row->>'stream', row->>'name', (row->>'version')::int,
           row->>'subject', row->>'sequence_key', (row->>'case_id')::uuid, row->>'organisation',
           row->>'causation_id', row->>'correlation_id', row->>'ground', row->>'trace',
           row->>'started_trace', convert_to(row->>'body', 'UTF8')
    from {source} as given(row, nth)
    order by nth
"""
_ADD = text(_INSERT.format(source="jsonb_array_elements(cast(:rows as jsonb)) with ordinality"))


def insert_from(source: str) -> str:
    """The same insert as a part of a larger statement; source: yields (row of `as_row`, nth)."""
    return _INSERT.format(source=source)


async def add(connection: AsyncConnection, messages: Sequence[Outgoing]) -> None:
    """Queue the messages in this order; they exist when the transaction commits, or never."""
    if messages:
        await connection.execute(_ADD, {"rows": json.dumps([as_row(one) for one in messages])})


def as_row(one: Outgoing) -> dict[str, str | int | None]:
    """A message as JSON for `insert_from`."""
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
