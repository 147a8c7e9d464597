"""The inbox's SQL: positions, parked messages, ids taken and tries."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox.order import Place, Plan
from chassis.inbox.received import Raw, Received

# Two statements, or the second would not see what the last holder of a lock wrote; the order avoids
# deadlocks. A lock that is no row spares each event a second version of its row.
_LOCK = text("""
    select count(*) from (
        select pg_advisory_xact_lock(place) from (
            select distinct
                hashtextextended(concat_ws(' ', cast(:consumer as text), source, subject), 0) as place
            from unnest(cast(:sources as text[]), cast(:subjects as text[]))
                as given(source, subject)
            order by place
        ) as places offset 0
    ) as locked
""")
# As questions of their own each row is found by its key, whatever the planner believes.
_LAST = text("""
    select source, subject, coalesce((
        select last from positions where positions.consumer = :consumer
            and positions.source = given.source and positions.subject = given.subject
    ), 0) as last, exists (
        select from parked where parked.consumer = :consumer
            and parked.source = given.source and parked.subject = given.subject
    ) as waits
    from unnest(cast(:sources as text[]), cast(:subjects as text[])) as given(source, subject)
""")
# So it is with an upsert.
_ADVANCE = text("""
    insert into positions (consumer, source, subject, last)
    select :consumer, source, subject, last
    from unnest(cast(:sources as text[]), cast(:subjects as text[]), cast(:lasts as bigint[]))
        as given(source, subject, last)
    order by source, subject
    on conflict (consumer, source, subject) do update set last = excluded.last
        where positions.last < excluded.last
""")
_PARKED = text("""
    select parked.* from parked
    join unnest(cast(:sources as text[]), cast(:subjects as text[])) as given(source, subject)
      on parked.source = given.source and parked.subject = given.subject
    where consumer = :consumer
""")
_PARK = text("""
    insert into parked (consumer, source, subject, case_sequence, stream, stream_sequence,
                        recorded_at, nats_subject, headers, body)
    values (:consumer, :source, :subject, :case_sequence, :stream, :stream_sequence,
            :recorded_at, :nats_subject, :headers, :body)
    on conflict do nothing
""")
_UNPARK = text("""
    delete from parked where consumer = :consumer and (source, subject, case_sequence) in (
        select * from unnest(cast(:sources as text[]), cast(:subjects as text[]),
                             cast(:numbers as bigint[])))
""")
# Next of its case, and neither dead nor resting after a failed try; or left over behind it.
_READY = text("""
    select parked.stream, parked.stream_sequence from parked
    join positions using (consumer, source, subject)
    left join attempts using (consumer, stream, stream_sequence)
    left join dead_letters using (consumer, stream, stream_sequence)
    where parked.consumer = :consumer and (
        parked.case_sequence <= positions.last
        or (parked.case_sequence = positions.last + 1
            and coalesce(dead_letters.state, 'done') = 'done'
            and coalesce(attempts.failed_at + make_interval(secs => power(2, attempts.tries) / 2)
                         < clock_timestamp(), true)))
    order by parked.case_sequence limit :room
""")
_TAKE_IDS = text("""
    insert into inbox (consumer, source, id, digest, stream_sequence)
    select :consumer, source, id, digest, sequence
    from unnest(cast(:sources as text[]), cast(:ids as uuid[]), cast(:digests as bytea[]),
                cast(:sequences as bigint[])) as given(source, id, digest, sequence)
    order by source, id
    on conflict do nothing
    returning source, id
""")
_DIGESTS = text("""
    select source, id, digest from inbox
    where consumer = :consumer and id = any(cast(:ids as uuid[]))
""")
_GIVE_BACK = text("""
    delete from inbox using
        unnest(cast(:sources as text[]), cast(:ids as uuid[])) as given(source, id)
    where consumer = :consumer and inbox.source = given.source and inbox.id = given.id
""")
_COUNT_TRY = text("""
    insert into attempts (consumer, stream, stream_sequence, tries)
    values (:consumer, :stream, :sequence, 1)
    on conflict (consumer, stream, stream_sequence)
        do update set tries = attempts.tries + 1, failed_at = clock_timestamp()
    returning tries
""")
# Longer than INBOX keeps a message (30 days), so nothing it can redeliver is ever new.
_FORGET = text("""
    delete from inbox
    where consumer = :consumer and received_at < clock_timestamp() - interval '60 days'
""")


async def lock_positions(
    connection: AsyncConnection, consumer: str, places: Sequence[Place]
) -> tuple[dict[Place, int], list[Place]]:
    """(each place's last number done, places where something is parked), locked until the end."""
    given = _places(consumer, places)
    await connection.execute(_LOCK, given)
    found = (await connection.execute(_LAST, given)).all()
    last = {(row.source, row.subject): row.last for row in found}
    return last, [(row.source, row.subject) for row in found if row.waits]


async def parked(connection: AsyncConnection, consumer: str, places: Sequence[Place]) -> list[Raw]:
    """What waits for a predecessor in these places."""
    if not places:
        return []
    found = await connection.execute(_PARKED, _places(consumer, places))
    return [
        Raw(
            subject=row.nats_subject,
            headers=json.loads(row.headers),
            body=row.body,
            stream=row.stream,
            sequence=row.stream_sequence,
            recorded_at=row.recorded_at,
        )
        for row in found
    ]


async def apply(connection: AsyncConnection, consumer: str, plan: Plan) -> None:
    """Write down what the plan decided."""
    moved = list(plan.positions.items())
    await connection.execute(
        _ADVANCE,
        _places(consumer, [place for place, _ in moved]) | {"lasts": [last for _, last in moved]},
    )
    if plan.park:
        await connection.execute(_PARK, [_parked(consumer, one) for one in plan.park])
    if plan.unpark:
        places = _places(consumer, [place for place, _ in plan.unpark])
        await connection.execute(_UNPARK, places | {"numbers": [n for _, n in plan.unpark]})


async def advance(connection: AsyncConnection, consumer: str, place: Place, *, number: int) -> bool:
    """Step over a discarded message; False while one before it is missing."""
    lasts, _ = await lock_positions(connection, consumer, [place])
    last = lasts[place]
    if number == last + 1:
        await connection.execute(_ADVANCE, _places(consumer, [place]) | {"lasts": [number]})
    return number <= last + 1


async def ready(connection: AsyncConnection, consumer: str, room: int) -> list[tuple[str, int]]:
    """(stream, sequence) of parked messages whose predecessor is done."""
    found = await connection.execute(_READY, {"consumer": consumer, "room": room})
    return [(row.stream, row.stream_sequence) for row in found]


async def take_ids(
    connection: AsyncConnection, consumer: str, arrivals: Sequence[Received]
) -> tuple[list[Received], list[Received]]:
    """(new ones, those that reuse an id with another body); true repeats are in neither."""
    first: dict[tuple[str, Any], Received] = {}
    for one in arrivals:
        first.setdefault((one.envelope.source, one.envelope.id), one)
    found = await connection.execute(
        _TAKE_IDS,
        {
            "consumer": consumer,
            "sources": [source for source, _ in first],
            "ids": [identity for _, identity in first],
            "digests": [one.raw.digest for one in first.values()],
            "sequences": [one.raw.sequence for one in first.values()],
        },
    )
    taken = {(row.source, row.id) for row in found}
    fresh = [one for key, one in first.items() if key in taken]
    are_fresh = set(fresh)
    others = [one for one in arrivals if one not in are_fresh]
    if not others:
        return fresh, []
    known = await connection.execute(
        _DIGESTS, {"consumer": consumer, "ids": [one.envelope.id for one in others]}
    )
    digests = {(row.source, row.id): row.digest for row in known}
    return fresh, [
        one
        for one in others
        if digests.get((one.envelope.source, one.envelope.id)) != one.raw.digest
    ]


async def give_back(
    connection: AsyncConnection, consumer: str, arrivals: Sequence[Received]
) -> None:
    """The ids of these are free again: they had no effect, and may be tried another time."""
    if arrivals:
        given = {
            "sources": [one.envelope.source for one in arrivals],
            "ids": [one.envelope.id for one in arrivals],
        }
        await connection.execute(_GIVE_BACK, given | {"consumer": consumer})


async def count_try(connection: AsyncConnection, consumer: str, raw: Raw) -> int:
    """How often this message has failed by its own fault, this time included."""
    row = {"consumer": consumer, "stream": raw.stream, "sequence": raw.sequence}
    return int((await connection.execute(_COUNT_TRY, row)).scalar_one())


async def forget_ids(connection: AsyncConnection, consumer: str) -> None:
    """Drop ids older than any redelivery can be."""
    await connection.execute(_FORGET, {"consumer": consumer})


def _places(consumer: str, places: Sequence[Place]) -> dict[str, Any]:
    return {
        "consumer": consumer,
        "sources": [source for source, _ in places],
        "subjects": [subject for _, subject in places],
    }


def _parked(consumer: str, one: Received) -> dict[str, str | int | bytes | datetime | None]:
    return {
        "consumer": consumer,
        "source": one.envelope.source,
        "subject": one.envelope.subject,
        "case_sequence": one.envelope.case_sequence,
        "stream": one.raw.stream,
        "stream_sequence": one.raw.sequence,
        "recorded_at": one.raw.recorded_at,
        "nats_subject": one.raw.subject,
        "headers": json.dumps(dict(one.raw.headers)),
        "body": one.raw.body,
    }
