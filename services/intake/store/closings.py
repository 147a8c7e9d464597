"""Cases that are closed: since when and why, and what it takes to open them again."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.followups import AFTER_DAYS

_UNDER_WAY = text("""
    select exists (
        select from steps as begun where case_id = any(cast(:cases as uuid[])) and step = 'started'
            and not exists (
                select from steps as ended where ended.referral_id = begun.referral_id
                and ended.step in ('delivered', 'not_delivered', 'withdrawn')))
""")
_CLOSE = text("""
    update cases set closed_at = clock_timestamp(), closure = :reason
    where case_id = any(cast(:cases as uuid[]))
""")
# Nobody is missing any more whom somebody would have to find.
_FORGET_UNPLACED = text("delete from unplaced where case_id = any(cast(:cases as uuid[]))")
# The days of the follow-ups are counted anew: nobody asks three times at once after a year.
_REOPEN = text("""
    update cases set closed_at = null, closure = null, followed_since = clock_timestamp(),
        followup_due_at = clock_timestamp() + make_interval(days => :days)
    where case_id = any(cast(:cases as uuid[]))
""")
_NOTE_TOLD = text("""
    insert into told_of_closing (referral_id, case_id)
    select * from unnest(cast(:referrals as uuid[]), cast(:cases as uuid[])) on conflict do nothing
""")
_TAKE_TOLD = text("""
    delete from told_of_closing where case_id = any(cast(:cases as uuid[])) returning referral_id
""")


async def has_service(connection: AsyncConnection, cases: Collection[UUID]) -> bool:
    """Whether a service of these cases has begun and not ended, as far as intake has heard."""
    return bool(await connection.scalar(_UNDER_WAY, {"cases": list(cases)}))


async def close(connection: AsyncConnection, cases: Collection[UUID], *, reason: str) -> None:
    """From now on these are closed."""
    await connection.execute(_CLOSE, {"cases": list(cases), "reason": reason})
    await connection.execute(_FORGET_UNPLACED, {"cases": list(cases)})


async def reopen(connection: AsyncConnection, cases: Collection[UUID]) -> None:
    """They are open again, and followed from today on; what came late of before is over."""
    await connection.execute(_FORGET_UNPLACED, {"cases": list(cases)})
    await connection.execute(_REOPEN, {"cases": list(cases), "days": AFTER_DAYS[0]})


async def note_told(connection: AsyncConnection, told: Mapping[UUID, UUID]) -> None:
    """By referral, the case of whose closing its recipient was told."""
    given = {"referrals": list(told), "cases": list(told.values())}
    await connection.execute(_NOTE_TOLD, given)


async def take_told(connection: AsyncConnection, cases: Collection[UUID]) -> list[UUID]:
    """The referrals of these cases whose recipients were told, once."""
    return list(await connection.scalars(_TAKE_TOLD, {"cases": list(cases)}))
