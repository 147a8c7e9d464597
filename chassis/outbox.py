"""Messages written with the business rows, in the same transaction; the relay sends them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
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


_RESTING = text("""
    select id from outbox
    where case_id = :case_id and organisation = :organisation and correlation_id = :correlation
      and ground = :ground and withdrawn_at is null
""")
# In the order in which a relay locks them, or each could wait for the other.
_LOCK = text("""
    select position from outbox where id = any(cast(:ids as uuid[])) order by position for update
""")
# Nobody has leased these: they use no number.
_CANCEL = text("""
    update outbox set withdrawn_at = clock_timestamp(), erased_at = clock_timestamp(), body = null
    where id = any(cast(:ids as uuid[])) and leased_at is null and withdrawn_at is null
""")
_WITHDRAW = text("""
    update outbox set withdrawn_at = clock_timestamp()
    where id = any(cast(:ids as uuid[])) and leased_at is not null and withdrawn_at is null
    returning number
""")


_UNSENT = text("""
    select count(*) from outbox where id = any(cast(:ids as uuid[])) and sent_at is null
""")


_HOPS = text("""
    select id, organisation, hop from outbox
    where id = any(cast(:ids as uuid[])) and organisation is not null and hop is not null
""")


async def unsent(connection: AsyncConnection, ids: Sequence[UUID]) -> int:
    """How many of these messages no stream has confirmed yet."""
    return int((await connection.execute(_UNSENT, {"ids": list(ids)})).scalar_one())


async def hops(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[tuple[UUID, str], str]:
    """Of messages to partners that have one, the hop they went out with, by (id, organisation)."""
    found = await connection.execute(_HOPS, {"ids": list(ids)})
    return {(row.id, row.organisation): row.hop for row in found}


async def resting_on(
    connection: AsyncConnection,
    ground: str,
    *,
    case_id: UUID,
    organisation: str,
    correlation_id: str,
) -> list[UUID]:
    """The messages to one organisation about one matter of a case that rest on this ground."""
    given = {
        "case_id": case_id,
        "organisation": organisation,
        "correlation": correlation_id,
        "ground": ground,
    }
    found = await connection.execute(_RESTING, given)
    return [row.id for row in found]


async def withdraw(connection: AsyncConnection, ids: Sequence[UUID]) -> tuple[int, ...]:
    """Take these back: what was not sent never is, the rest the relay deletes from the feed.

    The feed numbers that this frees, in order, for the caller to announce.
    """
    if not ids:
        return ()
    given = {"ids": list(ids)}
    await connection.execute(_LOCK, given)
    await connection.execute(_CANCEL, given)
    return tuple(sorted(row.number for row in await connection.execute(_WITHDRAW, given)))


async def add(connection: AsyncConnection, messages: Sequence[Outgoing]) -> None:
    """Queue the messages in this order; they exist when the transaction commits, or never."""
    if messages:
        columns = map(list, zip(*map(_values, messages), strict=True))
        await connection.execute(_ADD, dict(zip(_COLUMNS, columns, strict=True)))


def as_row(one: Outgoing) -> dict[str, Any]:
    """A message by column."""
    return dict(zip(_COLUMNS, _values(one), strict=True))


def _values(one: Outgoing) -> tuple[Any, ...]:
    """In the order of the columns."""
    return (
        one.id,
        one.stream,
        one.message.name,
        one.message.version,
        one.subject,
        one.sequence_key,
        one.case_id,
        one.organisation,
        one.causation_id,
        one.correlation_id,
        one.ground,
        one.trace,
        one.started_trace,
        one.message.encode().decode(),
    )
