"""The last count of every organisation's places, and the referrals that hold one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.places import Places
from services.referral.domain.routing import Room

_SELECT = """
    select organisation, service, places, free, counted_at,
        (select count(*) from referrals one
         where one.organisation = places.organisation and one.service = places.service
           and one.state in ('accepted', 'started')
           and (one.started_at is null or one.started_at > places.counted_at)) as promised,
        (select count(*) from referrals one
         where one.organisation = places.organisation and one.service = places.service
           and one.started_at <= places.counted_at and one.ended_at > places.recorded_at) as left
    from places
"""
_PAIRS = """
    (organisation, service) in (
        select * from unnest(cast(:organisations as text[]), cast(:services as text[])))
"""
# Always in the order of the key, or two batches could lock each other out.
_LOCK = text(f"""
    select from places where {_PAIRS} order by organisation, service for update
""")
_THESE = text(f"{_SELECT} where {_PAIRS}")
_OF_ORGANISATION = text(f"{_SELECT} where organisation = :organisation order by service")
_OF_SERVICE = text(f"{_SELECT} where service = :service order by organisation")
# A count that was made earlier than the one we have says nothing new. By our clock, no count is made
# later than it comes: whoever began after it would pass for counted.
_ROOMS = text(f"""
    select *, clock_timestamp() - counted_at as age from ({_SELECT}) as counted
""")  # noqa: S608 - a constant of ours
_SAVE = text("""
    insert into places (organisation, service, places, free, counted_at)
    values (:organisation, :service, :places, :free, least(:counted_at, clock_timestamp()))
    on conflict (organisation, service) do update set
        places = excluded.places, free = excluded.free, counted_at = excluded.counted_at,
        recorded_at = clock_timestamp()
        where places.counted_at <= excluded.counted_at
    returning counted_at
""")


async def lock(
    connection: AsyncConnection, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Places]:
    """The places of these (organisation, service) that are counted at all, locked.

    Two statements: the count must see what whoever held the lock before has written.
    """
    if not pairs:
        return {}
    given = {
        "organisations": [organisation for organisation, _ in pairs],
        "services": [service for _, service in pairs],
    }
    await connection.execute(_LOCK, given)
    found = await connection.execute(_THESE, given)
    return {(row.organisation, row.service): Places(**row._mapping) for row in found}


async def of_service(connection: AsyncConnection, service: str) -> Sequence[Places]:
    """Every organisation's places of a service."""
    found = await connection.execute(_OF_SERVICE, {"service": service})
    return [Places(**row._mapping) for row in found]


async def of_organisation(connection: AsyncConnection, organisation: str) -> Sequence[Places]:
    """All that one organisation has counted."""
    found = await connection.execute(_OF_ORGANISATION, {"organisation": organisation})
    return [Places(**row._mapping) for row in found]


async def rooms(connection: AsyncConnection) -> dict[tuple[str, str], Room]:
    """By (organisation, service): whom each can still take, as far as places are counted."""
    counted = [
        (Places(**{name: getattr(row, name) for name in Places.__slots__}), row.age)
        for row in await connection.execute(_ROOMS)
    ]
    return {(one.organisation, one.service): Room(left=one.room, age=age) for one, age in counted}


async def save(
    connection: AsyncConnection,
    *,
    organisation: str,
    service: str,
    places: int,
    free: int,
    counted_at: datetime,
) -> datetime | None:
    """Keep a count; when it counts as made, and None where a later one is known."""
    found = await connection.execute(
        _SAVE,
        {
            "organisation": organisation,
            "service": service,
            "places": places,
            "free": free,
            "counted_at": counted_at,
        },
    )
    kept: datetime | None = found.scalar_one_or_none()
    return kept
