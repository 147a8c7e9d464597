"""The outbox as the relay sees it: lease the head, remember what was sent, forget old bodies."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.topology import internal_subject, out_subject


class Row(NamedTuple):
    """One message to send; `headers`, as they go out, and `hop` are None until it is leased.

    number: in the recipient's feed; None for one of our own streams.
    """

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
    ground: str | None
    trace: str | None
    started_trace: str | None
    body: bytes
    created_at: datetime
    headers: str | None = None
    hop: str | None = None
    number: int | None = None


class Chain(NamedTuple):
    """How far one (stream, key) is numbered; head: what its next message names."""

    last: int
    head: bytes | None


class Head(NamedTuple):
    """The head of the queue, and where the chains stand that its rows go on.

    may_be_withdrawn: whether anything may wait to be taken out; where no row waits nobody knows.
    """

    rows: list[Row]
    chains: dict[tuple[str, str], Chain]
    may_be_withdrawn: bool


_COLUMNS = ", ".join(Row._fields)

# State of the row, never "id > last": a transaction that commits late keeps its place. One statement
# says all that a round needs; the chains need no lock, since only a leader ever moves them.
_WAITING = text(f"""
    select {_COLUMNS}, coalesce(last, 0), head, exists (
        select from outbox as gone where gone.withdrawn_at is not null and gone.erased_at is null)
    from outbox left join lateral (
        select last, head from sequences where sequences.stream = outbox.stream
            and sequences.key = outbox.sequence_key
    ) as chain on true
    where sent_at is null and erased_at is null and leased_at is null
        and stream <> all(cast(:held_back as text[]))
    order by position limit :room for update of outbox
""")  # noqa: S608 - a constant of ours
_LEASED = text(f"""
    select {_COLUMNS} from (
        select *, row_number() over (partition by stream order by position) as nth from outbox
        where sent_at is null and erased_at is null and leased_at is not null
            and withdrawn_at is null
    ) as outbox
    where nth <= :room order by position
""")  # noqa: S608 - a constant of ours

_LEFT_OVER = text("""
    select exists (select from outbox where sent_at is null and erased_at is null
                   and leased_at is not null and withdrawn_at is null)
""")
_LEASE = text("""
    with kept as (
        insert into sequences (stream, key, last, head)
        select * from unnest(cast(:streams as text[]), cast(:keys as text[]),
                             cast(:lasts as bigint[]), cast(:heads as bytea[]))
        on conflict (stream, key) do update set last = excluded.last, head = excluded.head
    )
    update outbox set headers = given.headers, hop = given.hop, number = given.number,
        leased_at = clock_timestamp()
    from unnest(cast(:positions as bigint[]), cast(:headers as text[]), cast(:hops as text[]),
                cast(:numbers as bigint[])) as given(position, headers, hop, number)
    where outbox.position = given.position
""")

# A mark lost in a crash means a resend, which the stream and the inbox drop: it waits for no disk.
_SENT = text("""
    with unwaited as (select set_config('synchronous_commit', 'off', true)),
    sent as (
        update outbox set sent_at = clock_timestamp(), stream_sequence = given.sequence
        from unwaited, unnest(cast(:positions as bigint[]), cast(:sequences as bigint[]))
            as given(position, sequence)
        where outbox.position = given.position
        returning outbox.position, stream, organisation, stream_sequence
    )
    insert into unconfirmed (position, stream, organisation, stream_sequence) select * from sent
    on conflict (position) do update set stream_sequence = excluded.stream_sequence
""")

# Every consumer has it, and past the dedupe window (30 min) a resend would be a second message.
_COOL = text("""
    with old as (
        delete from confirmed where position in (
            select position from confirmed where at < clock_timestamp() - interval '1 hour'
            order by at limit :room)
        returning position, at
    )
    update outbox set body = null, headers = null, delivered_at = old.at from old
    where outbox.position = old.position
""")
_USED = text("""
    select name from unnest(cast(:streams as text[])) as given(name)
    where exists (select from sequences where stream = name)
""")
_REBORN = text("""
    insert into streams (name, born) values (:name, :born)
    on conflict (name) do update set born = excluded.born, since = clock_timestamp()
        where streams.born <> excluded.born
    returning (xmax <> 0) as was_known
""")
_SEND_AGAIN = text("""
    with again as (delete from unconfirmed where stream = :stream returning position)
    update outbox set sent_at = null, stream_sequence = null from again
    where outbox.position = again.position and body is not null and withdrawn_at is null
""")
# Past their delivery these are not sent again: they are gone with the old stream.
_LOST = text("""
    update outbox set erased_at = clock_timestamp()
    where stream = :stream and ground is not null and sent_at is not null and erased_at is null
      and not exists (select from unconfirmed where unconfirmed.position = outbox.position)
""")
# One for each, since an index tells apart which organisation it is, and not whether it matters.
_CONFIRM, _CONFIRM_OURS = (
    text(f"""
    with taken as (
        delete from unconfirmed where position in (
            select position from unconfirmed
            where stream = :stream and {whose} and stream_sequence <= :floor
            order by stream_sequence limit :room)
        returning position
    )
    insert into confirmed (position, at) select position, clock_timestamp() from taken
    on conflict (position) do update set at = excluded.at
""")  # noqa: S608 - constants of ours
    for whose in ("organisation = :organisation", "organisation is null")
)
_RECIPIENTS = text("""
    select distinct organisation from unconfirmed where organisation is not null
""")


async def leased(connection: AsyncConnection, room: int) -> list[Row]:
    """Rows whose bytes are committed and whose PubAck we never saw, oldest first; `room` a stream."""
    return _rows(await connection.execute(_LEASED, {"room": room}))


async def has_left_over(connection: AsyncConnection) -> bool:
    """Whether there is any such row, of any stream."""
    return bool(await connection.scalar(_LEFT_OVER))


async def waiting(
    connection: AsyncConnection, room: int, *, held_back: Collection[str] = ()
) -> Head:
    """The oldest rows nobody has leased, locked; none of the streams that are held back."""
    given = {"room": room, "held_back": list(held_back)}
    found = (await connection.execute(_WAITING, given)).all()
    rows = [Row(*one[:-3]) for one in found]
    chains = {
        (row.stream, row.sequence_key): Chain(*one[-3:-1])
        for row, one in zip(rows, found, strict=True)
    }
    return Head(rows, chains, found[0][-1] if found else True)


async def lease(
    connection: AsyncConnection, rows: Sequence[Row], chains: Mapping[tuple[str, str], Chain]
) -> None:
    """Commit the exact bytes that will be sent, however often, and where their chains stand then.

    Without gaps, since a transaction that fails takes both back.
    """
    await connection.execute(
        _LEASE,
        {
            "streams": [stream for stream, _ in chains],
            "keys": [key for _, key in chains],
            "lasts": [chain.last for chain in chains.values()],
            "heads": [chain.head for chain in chains.values()],
            "positions": [row.position for row in rows],
            "headers": [row.headers for row in rows],
            "hops": [row.hop for row in rows],
            "numbers": [row.number for row in rows],
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


async def forget_bodies(connection: AsyncConnection, room: int) -> int:
    """Null the bodies nobody will need to send again, so many at most; how many it were."""
    return (await connection.execute(_COOL, {"room": room})).rowcount


async def streams_used(connection: AsyncConnection, streams: Sequence[str]) -> list[str]:
    """Those of the streams that this service has ever numbered a message for."""
    found = await connection.execute(_USED, {"streams": list(streams)})
    return [row.name for row in found]


async def is_reborn(connection: AsyncConnection, stream: str, born: str) -> bool:
    """True when this stream was made anew since we last looked; remembers its birth date."""
    found = (await connection.execute(_REBORN, {"name": stream, "born": born})).first()
    return found is not None and bool(found.was_known)


async def send_again(connection: AsyncConnection, stream: str) -> int:
    """Everything that was sent to this stream and is not confirmed waits again; how many."""
    await connection.execute(_LOST, {"stream": stream})
    return (await connection.execute(_SEND_AGAIN, {"stream": stream})).rowcount


async def confirm(
    connection: AsyncConnection, stream: str, floor: int, *, organisation: str | None, room: int
) -> int:
    """All up to this sequence (of one organisation) has been taken, so many at most; how many."""
    given = {"stream": stream, "floor": floor, "room": room}
    if organisation is None:
        return (await connection.execute(_CONFIRM_OURS, given)).rowcount
    given["organisation"] = organisation
    return (await connection.execute(_CONFIRM, given)).rowcount


async def unconfirmed_recipients(connection: AsyncConnection) -> list[str]:
    """Organisations that have not taken all that was sent to them."""
    return [row.organisation for row in await connection.execute(_RECIPIENTS)]


def as_text(headers: Mapping[str, str]) -> str:
    """Headers as they are committed and go out."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def headers_of(text: str | None) -> dict[str, str]:
    """The headers that were committed, in their order."""
    pairs = (line.partition(": ") for line in (text or "").split("\r\n"))
    return {name: value for name, _, value in pairs if name}


def subject_of(row: Row, service: str) -> str:
    """Where the row is published. ValueError for one that can never be."""
    if row.organisation is not None:
        return out_subject(row.organisation, row.name, row.version)
    return internal_subject(service, row.name, row.version, subject_id=row.subject)


def _rows(found: Any) -> list[Row]:
    return [Row(*row) for row in found]
