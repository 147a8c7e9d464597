"""Sessions as they were reported, for whoever looks after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.store.indicators.sessions import ALIKE, KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session by its last word. organisation: who reported it; participants: counted, in all."""

    organisation: str
    session_id: UUID
    organiser: str
    session_kind: str
    held_on: date
    region: str
    cercle: str | None
    participants: int


_KNOWN: Final = text("""
    select exists (
        select from facts_sessions where organisation = :organisation and session_id = :session_id
    )
""")
# Where at least two look alike, the first that was said of them stands first.
_ALIKE: Final = text(f"""
    select organisation, session_id, coalesce(organiser, organisation) as organiser, session_kind,
           held_on, region, cercle,
           (select sum(value::int) from jsonb_each_text(participants)) as participants
    from (
        select *, count(*) over (partition by {ALIKE}) as alike
        from ({KNOWN}) as known where not is_distinct
    ) as told
    where alike > 1
    order by held_on desc, {ALIKE}, first_place limit :room
""")  # noqa: S608 - constants of ours


async def is_known(connection: AsyncConnection, organisation: str, session_id: UUID) -> bool:
    """Whether the organisation has reported it, and that was counted."""
    given = {"organisation": organisation, "session_id": session_id}
    return bool(await connection.scalar(_KNOWN, given))


async def alike(connection: AsyncConnection, *, as_of: datetime, room: int) -> Sequence[Session]:
    """Sessions that look like another, next to each other, newest day first."""
    found = await connection.execute(_ALIKE, {"as_of": as_of, "room": room})
    return [Session(**row._asdict()) for row in found]
