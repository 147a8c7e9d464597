"""The outbox as the relay sees it: lease the head, remember what was sent, forget old bodies."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Row(NamedTuple):
    """One message to send; `headers` and `hop` are None until it is leased."""

    position: int
    id: UUID
    stream: str
    name: str
    version: int
    subject: str
    sequence_key: str
    case_id: UUID | None
    organisation: str | None
    causation_id: str | None
    correlation_id: str | None
    trace: str | None
    started_trace: str | None
    body: bytes
    created_at: datetime
    headers: str | None = None
    hop: str | None = None


_COLUMNS = ", ".join(Row._fields)

# State of the row, never "id > last": a transaction that commits late keeps its place.
_WAITING = text(f"""
    select {_COLUMNS} from outbox where sent_at is null and leased_at is null
    order by position limit :room for update
""")  # noqa: S608 - a constant of ours
_LEASED = text(f"""
    select {_COLUMNS} from outbox where sent_at is null and leased_at is not null
    order by position limit :room
""")  # noqa: S608 - a constant of ours

_NUMBERS = text("""
    insert into sequences (stream, key, last)
    select stream, key, count from unnest(
        cast(:streams as text[]), cast(:keys as text[]), cast(:counts as bigint[])
    ) as given(stream, key, count)
    order by stream, key
    on conflict (stream, key) do update set last = sequences.last + excluded.last
    returning stream, key, last
""")

_LEASE = text("""
    update outbox set headers = given.headers, hop = given.hop, leased_at = clock_timestamp()
    from unnest(cast(:positions as bigint[]), cast(:headers as text[]), cast(:hops as text[]))
        as given(position, headers, hop)
    where outbox.position = given.position
""")

_SENT = text("""
    update outbox set sent_at = clock_timestamp(), stream_sequence = given.sequence
    from unnest(cast(:positions as bigint[]), cast(:sequences as bigint[]))
        as given(position, sequence)
    where outbox.position = given.position
""")

# Every consumer has it, and past the dedupe window (30 min) a resend would be a second message.
_COOL = text("""
    update outbox set body = null, headers = null
    where body is not null and delivered_at < clock_timestamp() - interval '1 hour'
""")
_USED = text("select distinct stream from sequences")
_REBORN = text("""
    insert into streams (name, born) values (:name, :born)
    on conflict (name) do update set born = excluded.born where streams.born <> excluded.born
    returning (xmax <> 0) as was_known
""")
_SEND_AGAIN = text("""
    update outbox set sent_at = null, stream_sequence = null
    where stream = :stream and sent_at is not null and delivered_at is null and body is not null
""")
_CONFIRM = text("""
    update outbox set delivered_at = clock_timestamp()
    where delivered_at is null and stream = :stream and stream_sequence <= :floor
      and (cast(:organisation as text) is null or organisation = :organisation)
""")
_RECIPIENTS = text("""
    select distinct organisation from outbox
    where delivered_at is null and sent_at is not null and organisation is not null
""")


async def leased(connection: AsyncConnection, room: int) -> list[Row]:
    """Rows whose bytes are committed and whose PubAck we never saw, oldest first."""
    return _rows(await connection.execute(_LEASED, {"room": room}))


async def waiting(connection: AsyncConnection, room: int) -> list[Row]:
    """The oldest rows nobody has leased, locked."""
    return _rows(await connection.execute(_WAITING, {"room": room}))


async def take_numbers(
    connection: AsyncConnection, counts: dict[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    """The last number before each (stream, key)'s new ones; without gaps, rolled back with us."""
    found = await connection.execute(
        _NUMBERS,
        {
            "streams": [stream for stream, _ in counts],
            "keys": [key for _, key in counts],
            "counts": list(counts.values()),
        },
    )
    return {(row.stream, row.key): row.last - counts[row.stream, row.key] for row in found}


async def lease(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Commit the exact bytes that will be sent, however often."""
    await connection.execute(
        _LEASE,
        {
            "positions": [row.position for row in rows],
            "headers": [row.headers for row in rows],
            "hops": [row.hop for row in rows],
        },
    )


async def mark_sent(connection: AsyncConnection, sent: Sequence[tuple[Row, int]]) -> None:
    """Remember where each row lies in its stream."""
    await connection.execute(
        _SENT,
        {
            "positions": [row.position for row, _ in sent],
            "sequences": [sequence for _, sequence in sent],
        },
    )


async def forget_bodies(connection: AsyncConnection) -> None:
    """Null the bodies nobody will need to send again."""
    await connection.execute(_COOL)


async def streams_used(connection: AsyncConnection) -> list[str]:
    """The streams this service has ever numbered a message for."""
    return [row.stream for row in await connection.execute(_USED)]


async def is_reborn(connection: AsyncConnection, stream: str, born: str) -> bool:
    """True when this stream was made anew since we last looked; remembers its birth date."""
    found = (await connection.execute(_REBORN, {"name": stream, "born": born})).first()
    return found is not None and bool(found.was_known)


async def send_again(connection: AsyncConnection, stream: str) -> int:
    """Everything that was sent to this stream and is not confirmed waits again; how many."""
    return (await connection.execute(_SEND_AGAIN, {"stream": stream})).rowcount


async def confirm(
    connection: AsyncConnection, stream: str, floor: int, *, organisation: str | None = None
) -> None:
    """All up to this sequence (of one organisation) has been taken."""
    await connection.execute(
        _CONFIRM, {"stream": stream, "floor": floor, "organisation": organisation}
    )


async def unconfirmed_recipients(connection: AsyncConnection) -> list[str]:
    """Organisations that have not taken all that was sent to them."""
    return [row.organisation for row in await connection.execute(_RECIPIENTS)]


def headers_of(row: Row) -> dict[str, str]:
    """The leased headers, in the order they were committed."""
    loaded: dict[str, str] = json.loads(row.headers or "{}")
    return loaded


def _rows(found: Any) -> list[Row]:
    return [Row(*row) for row in found]
