"""What was put aside until its turn: by its place in the stream, of so many organisations in turn."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox.received import Raw

_LATER = text("""
    insert into redeliveries (consumer, stream, stream_sequence, due_at, organisation)
    select :consumer, :stream, sequence, clock_timestamp() + make_interval(secs => :seconds), code
    from unnest(cast(:sequences as bigint[]), cast(:codes as text[])) as given(sequence, code)
    order by sequence
    on conflict (consumer, stream, stream_sequence) do update set due_at = excluded.due_at
""")
# The first of each organisation, then the second, whoever has how many waiting.
_DUE = text("""
    with recursive code (organisation) as (
        (select organisation from redeliveries where consumer = :consumer
         order by organisation limit 1)
        union all
        select (select later.organisation from redeliveries later
                where later.consumer = :consumer and later.organisation > code.organisation
                order by later.organisation limit 1)
        from code where code.organisation is not null
    )
    select due.stream, due.stream_sequence
    from (select organisation from code union select null) as each
    cross join lateral (
        select stream, stream_sequence, due_at,
               row_number() over (order by due_at, stream_sequence) as turn
        from redeliveries where consumer = :consumer
          and due_at <= clock_timestamp() and organisation is not distinct from each.organisation
        order by due_at, stream_sequence limit :share
    ) as due
    order by due.turn, due.due_at limit :room
""")
_ANYTHING = text("""
    select exists (select from redeliveries where consumer = :consumer)
        or exists (select from parked where consumer = :consumer)
        or exists (select from dead_letters
                   where consumer = :consumer and state in ('retry', 'discarded'))
""")
_DONE = text("""
    delete from redeliveries where consumer = :consumer and (stream, stream_sequence) in (
        select * from unnest(cast(:streams as text[]), cast(:sequences as bigint[])))
""")


async def has_anything(connection: AsyncConnection, consumer: str) -> bool:
    """Whether anything was put aside, parked or decided: one question, since the answer is mostly no."""
    return bool(await connection.scalar(_ANYTHING, {"consumer": consumer}))


async def read_later(
    connection: AsyncConnection,
    consumer: str,
    raws: Sequence[tuple[Raw, str | None]],
    *,
    seconds: float,
) -> None:
    """Put messages of one stream aside by their place. raws: each with the organisation it is of."""
    rows = {
        "consumer": consumer,
        "stream": raws[0][0].stream,
        "sequences": [raw.sequence for raw, _ in raws],
        "codes": [organisation for _, organisation in raws],
    }
    await connection.execute(_LATER, rows | {"seconds": seconds})


async def due(
    connection: AsyncConnection, consumer: str, *, room: int, share: int
) -> list[tuple[str, int]]:
    """(stream, sequence) of what was put aside and is due, at most `share` of each organisation."""
    found = await connection.execute(_DUE, {"consumer": consumer, "room": room, "share": share})
    return [(row.stream, row.stream_sequence) for row in found]


async def done(
    connection: AsyncConnection, consumer: str, places: Sequence[tuple[str, int]]
) -> None:
    """They need not be read again. places: (stream, sequence)."""
    streams, sequences = [stream for stream, _ in places], [number for _, number in places]
    await connection.execute(
        _DONE, {"consumer": consumer, "streams": streams, "sequences": sequences}
    )
