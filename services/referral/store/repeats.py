"""When each organisation was last told again, so that asking cannot become a flood."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_TAKE = text("""
    insert into repeats as known (organisation, request_type) values (:organisation, :request_type)
    on conflict (organisation, request_type) do update set asked_at = clock_timestamp()
    where known.asked_at <= clock_timestamp() - make_interval(secs => :pause)
    returning true
""")


async def take_turn(
    connection: AsyncConnection, organisation: str, request_type: str, *, pause: float
) -> bool:
    """Whether it may be told again now; `pause` seconds must lie between two times."""
    given = {"organisation": organisation, "request_type": request_type, "pause": pause}
    return (await connection.execute(_TAKE, given)).scalar() is not None
