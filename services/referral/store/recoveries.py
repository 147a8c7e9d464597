"""What two people say of a third who has lost what they sign in with, until it is used or void."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.accounts import INVITED_FOR

_LATE = text("""
    update recoveries set ended_at = :now, outcome = 'late'
    where ended_at is null and coalesce(agreed_at, asked_at) < :since
""")
_ASK = text("""
    insert into recoveries (recovery_id, account_id, asked_by, asked_at)
    values (:recovery_id, :account_id, :asked_by, :now)
    on conflict (account_id) where ended_at is null do nothing
    returning recovery_id
""")
# Who asked must still be in a position to, when another agrees.
_OPEN = """
    select recovery_id, account_id, asked_by, asked_at, accounts.organisation, login
    from recoveries join accounts using (account_id)
    where ended_at is null and agreed_at is null
        and (asked_by is null or exists (select from accounts as asker
             where asker.account_id = asked_by and asker.role = 'focal_point'
                 and asker.disabled_at is null))
"""
# The committee stands by organisations that have a single focal point.
_MAY = """
    (accounts.organisation = :organisation
     or exists (select from organisations where code = :organisation and kind = 'committee'))
"""
_WAITING = text(f"{_OPEN} and {_MAY} order by asked_at")
_ONE = text(f"{_OPEN} and recovery_id = :recovery_id for update of recoveries, accounts")
_ONE_FOR = text(f"{_OPEN} and {_MAY} and recovery_id = :recovery_id")
_OF_LOGIN = text(f"{_OPEN} and login = :login")
_AGREE = text("""
    update recoveries set agreed_by = :agreed_by, agreed_at = :now where recovery_id = :recovery_id
""")
_END = text("""
    update recoveries set ended_at = :now, outcome = :outcome
    where account_id = :account_id and ended_at is null returning recovery_id
""")
_NEWS = text("""
    select recovery_id, asked_at, agreed_at, outcome, told_at from recoveries
    where account_id = :account_id and told_at is null order by asked_at desc
""")
_TOLD = text("""
    update recoveries set told_at = :now
    where account_id = :account_id and told_at is null and ended_at is not null
""")


async def ask(connection: AsyncConnection, row: dict[str, Any]) -> bool:
    """Keep what the first of the two says; False where somebody has said it already."""
    await connection.execute(_LATE, {"now": row["now"], "since": row["now"] - INVITED_FOR})
    return (await connection.execute(_ASK, row)).one_or_none() is not None


async def waiting(connection: AsyncConnection, organisation: str) -> Sequence[Any]:
    """What a second person of this organisation may agree to."""
    return (await connection.execute(_WAITING, {"organisation": organisation})).all()


async def find(connection: AsyncConnection, recovery_id: UUID, *, now: datetime) -> Any | None:
    """One that waits for a second person, locked; None once its time is over."""
    await connection.execute(_LATE, {"now": now, "since": now - INVITED_FOR})
    return (await connection.execute(_ONE, {"recovery_id": recovery_id})).one_or_none()


async def is_for(connection: AsyncConnection, recovery_id: UUID, organisation: str) -> bool:
    """Whether this organisation's people may agree to it."""
    asked = {"recovery_id": recovery_id, "organisation": organisation}
    return (await connection.execute(_ONE_FOR, asked)).one_or_none() is not None


async def of_login(connection: AsyncConnection, login: str) -> Any | None:
    """The one that waits for whoever has this login."""
    return (await connection.execute(_OF_LOGIN, {"login": login})).one_or_none()


async def agree(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """The second of the two says the same."""
    await connection.execute(_AGREE, row)


async def end(
    connection: AsyncConnection, account_id: UUID, *, outcome: str, now: datetime
) -> bool:
    """Whatever is under way for this account is over; whether anything was."""
    row = {"account_id": account_id, "outcome": outcome, "now": now}
    return (await connection.execute(_END, row)).one_or_none() is not None


async def news(connection: AsyncConnection, account_id: UUID) -> Sequence[Any]:
    """What its person has not been told yet: (asked_at, agreed_at, outcome) of each."""
    return (await connection.execute(_NEWS, {"account_id": account_id})).all()


async def tell(connection: AsyncConnection, account_id: UUID, *, now: datetime) -> None:
    """Its person has seen what is over."""
    await connection.execute(_TOLD, {"account_id": account_id, "now": now})
