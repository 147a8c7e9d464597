"""How what was asked of a case ends: the case is closed, or what carried it is gone, for a time."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOSE = text("""
    update referrals set lost_ground = true where referral_id = any(cast(:ids as uuid[]))
""")
_LOST = text("""
    select service, urgency from referrals
    where case_id = :case_id and lost_ground and not is_asked_again
    order by offered_at, referral_id
""")
_REGAIN = text("""
    update referrals set is_asked_again = true
    where case_id = :case_id and service = any(:services) and lost_ground
""")
# Whoever asks for a case holds it, and is waited for.
_HOLD = text("""
    select from cases where case_id = any(cast(:ids as uuid[])) order by case_id for update
""")
_CLOSE = text("update cases set is_closed = true where case_id = :case_id")
_FORGET = text(
    "update referrals set is_asked_again = true where case_id = :case_id and lost_ground"
)
_REOPEN = text("""
    update cases set is_closed = false, asked_since = clock_timestamp() where case_id = :case_id
""")


async def lose_ground(connection: AsyncConnection, ids: Iterable[UUID]) -> None:
    """These were taken back since nothing carries them any more."""
    await connection.execute(_LOSE, {"ids": list(ids)})


async def lost(connection: AsyncConnection, case_id: UUID) -> dict[str, str]:
    """By service of this case that lost its ground and was not asked again, how soon it was needed."""
    found = await connection.execute(_LOST, {"case_id": case_id})
    return {row.service: row.urgency for row in found}


async def regain_ground(
    connection: AsyncConnection, case_id: UUID, services: Collection[str]
) -> None:
    """These are asked for again."""
    await connection.execute(_REGAIN, {"case_id": case_id, "services": list(services)})


async def hold(connection: AsyncConnection, cases: Iterable[UUID]) -> None:
    """Nobody asks for these before this transaction ends."""
    await connection.execute(_HOLD, {"ids": list(cases)})


async def close(connection: AsyncConnection, case_id: UUID) -> None:
    """Nobody is asked for this case any more, nor again for what she had said no to."""
    await connection.execute(_CLOSE, {"case_id": case_id})
    await connection.execute(_FORGET, {"case_id": case_id})


async def reopen(connection: AsyncConnection, case_id: UUID) -> None:
    """Whoever was asked for it before may be asked again."""
    await connection.execute(_REOPEN, {"case_id": case_id})
