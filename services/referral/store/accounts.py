"""People's accounts and their sessions; only referral's working role reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.accounts import IDLE, LIFE, SEEN_EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person at one organisation; see the table for what may be missing and when."""

    account_id: UUID
    organisation: str
    role: str
    login: str
    password: str | None = field(repr=False)
    code_key: bytes | None = field(repr=False)
    code_step: int
    invited_until: datetime | None
    failures: int
    rests_until: datetime | None
    disabled_at: datetime | None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Whose session it is, and when they proved who they are."""

    account_id: UUID
    organisation: str
    role: str
    signed_in_at: datetime


_COLUMNS = """account_id, organisation, role, login, password, code_key, code_step,
              invited_until, failures, rests_until, disabled_at, issuer"""
_BY_LOGIN = text(f"select {_COLUMNS} from accounts where login = :login")  # noqa: S608 - a constant
_BY_ID = text(f"select {_COLUMNS} from accounts where account_id = :account_id")  # noqa: S608 - a constant
_LOCK = text(f"select {_COLUMNS} from accounts where login = :login for update")  # noqa: S608 - a constant
_INVITED = text(f"""
    select {_COLUMNS} from accounts where invitation = :digest and invited_until > :now for update
""")  # noqa: S608 - a constant of ours
_IN_DIRECTORY = text("""
    select 1 from organisations where code = :code and removed_at is null and not is_suspended
""")
_INVITE = text("""
    insert into accounts (account_id, organisation, role, login, invitation, invited_until,
                          made_at)
    values (:account_id, :organisation, :role, :login, :digest, :until, :now)
    on conflict (login) do update set role = excluded.role, invitation = excluded.invitation,
        invited_until = excluded.invited_until
    where accounts.organisation = excluded.organisation and accounts.password is null
    returning account_id
""")
_INVITE_AGAIN = text("""
    update accounts set invitation = :digest, invited_until = :until where account_id = :account_id
""")
_CALL_OFF = text("""
    update accounts set invitation = null, invited_until = null where account_id = :account_id
""")
_PEOPLE_OF = text("""
    select account_id, login, role, issuer, password is not null as has_joined, invited_until, rests_until,
           disabled_at
    from accounts where organisation = :organisation order by login
""")
_JOIN = text("""
    update accounts set password = :password, code_key = :code_key, code_step = :step,
        invitation = null, invited_until = null, failures = 0, rests_until = null,
        disabled_at = null
    where account_id = :account_id
""")
_TRY = text("""
    update accounts set failures = :failures, rests_until = :rests_until, code_step = :step
    where account_id = :account_id
""")
_DISABLE = text("""
    update accounts set disabled_at = :now, invitation = null, invited_until = null
    where login = :login
""")
_ALL = text("""
    select login, organisation, role, password is not null as has_joined, invited_until,
           rests_until, disabled_at,
           (select max(seen_at) from sessions where sessions.account_id = accounts.account_id)
               as seen_at
    from accounts order by organisation, login
""")
_OPEN = text("""
    insert into sessions (digest, account_id, signed_in_at, seen_at)
    values (:digest, :account_id, :now, :now)
""")
# The account and its organisation are asked at each request: what is taken away is gone at once.
_SEEN = text("""
    select account_id, accounts.organisation, role, signed_in_at, seen_at < :stale as is_stale
    from sessions join accounts using (account_id)
        join organisations on code = accounts.organisation
    where digest = :digest and disabled_at is null and removed_at is null and not is_suspended
        and seen_at > :idle and signed_in_at > :life
""")
_MARK = text("update sessions set seen_at = :now where digest = :digest")
_END = text("delete from sessions where digest = :digest")
_END_ALL = text("delete from sessions where account_id = :account_id")
# Only one's own: the digest of somebody else's session ends nothing.
_END_OWN = text("delete from sessions where digest = :digest and account_id = :account_id")
_END_OTHERS = text("delete from sessions where account_id = :account_id and digest <> :digest")
_OPEN_ONES = text("""
    select digest, signed_in_at, seen_at from sessions
    where account_id = :account_id and seen_at > :idle and signed_in_at > :life
    order by signed_in_at desc
""")
_VOUCHED = text("""
    insert into accounts (account_id, organisation, role, login, issuer, made_at)
    values (:account_id, :organisation, :role, :login, :issuer, :now)
    on conflict (account_id) do update
        set organisation = excluded.organisation, role = excluded.role
    returning disabled_at is null
""")
_NEW_PASSWORD = text("update accounts set password = :password where account_id = :account_id")
_NEW_CODES = text("""
    update accounts set code_key = :code_key, code_step = :step where account_id = :account_id
""")
_SWEEP = text("delete from sessions where seen_at < :idle or signed_in_at < :life")


async def find(connection: AsyncConnection, login: str, *, lock: bool = False) -> Account | None:
    """The account with this login, locked if asked."""
    found = await connection.execute(_LOCK if lock else _BY_LOGIN, {"login": login})
    return _account(found.one_or_none())


async def by_id(connection: AsyncConnection, account_id: UUID) -> Account | None:
    """The account with this id."""
    return _account((await connection.execute(_BY_ID, {"account_id": account_id})).one_or_none())


async def invited(connection: AsyncConnection, digest: bytes, *, now: datetime) -> Account | None:
    """The account that this invitation is for, locked; none once it is used or its time is over."""
    found = await connection.execute(_INVITED, {"digest": digest, "now": now})
    return _account(found.one_or_none())


async def takes_part(connection: AsyncConnection, organisation: str) -> bool:
    """Whether the directory has it, and it is not suspended."""
    found = await connection.execute(_IN_DIRECTORY, {"code": organisation})
    return found.one_or_none() is not None


async def invite(connection: AsyncConnection, row: dict[str, Any]) -> UUID | None:
    """A new account, or a new invitation to one; None where somebody has the login already."""
    found: UUID | None = (await connection.execute(_INVITE, row)).scalar()
    return found


async def invite_again(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """An invitation for somebody who had joined: their account is as it was until they use it."""
    await connection.execute(_INVITE_AGAIN, row)


async def call_off(connection: AsyncConnection, account_id: UUID) -> None:
    """An invitation that is not used yet is good for nothing any more."""
    await connection.execute(_CALL_OFF, {"account_id": account_id})


async def vouched(connection: AsyncConnection, row: dict[str, Any]) -> bool:
    """The account of whom a provider vouches for, as it says now; False where it is disabled."""
    return bool((await connection.execute(_VOUCHED, row)).scalar())


async def people_of(connection: AsyncConnection, organisation: str) -> Sequence[Any]:
    """Everybody of an organisation, as its focal point sees them."""
    return (await connection.execute(_PEOPLE_OF, {"organisation": organisation})).all()


async def join(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """The invitation is used: password and codes are new, and nothing rests or is disabled."""
    await connection.execute(_JOIN, row)


async def note_try(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """How many tries were wrong in a row, until when it rests, and the last code that was used."""
    await connection.execute(_TRY, row)


async def disable(connection: AsyncConnection, login: str, *, now: datetime) -> None:
    """Let nobody in by it any more."""
    await connection.execute(_DISABLE, {"login": login, "now": now})


async def listed(connection: AsyncConnection) -> Sequence[Any]:
    """All, as an operator sees them."""
    return (await connection.execute(_ALL)).all()


async def open_session(
    connection: AsyncConnection, digest: bytes, account_id: UUID, *, now: datetime
) -> None:
    """Keep a new session, and forget those that are over."""
    await connection.execute(_SWEEP, _limits(now))
    await connection.execute(_OPEN, {"digest": digest, "account_id": account_id, "now": now})


async def seen(
    connection: AsyncConnection, digest: bytes, *, now: datetime, marks: bool = True
) -> Seen | None:
    """Whose session this is, if it and all that it stands on still holds.

    marks: whether it is used by this, and idle from now on only.
    """
    asked = {"digest": digest, "stale": now - SEEN_EVERY} | _limits(now)
    row = (await connection.execute(_SEEN, asked)).one_or_none()
    if row is None:
        return None
    if row.is_stale and marks:
        await connection.execute(_MARK, {"digest": digest, "now": now})
    return Seen(
        account_id=row.account_id,
        organisation=row.organisation,
        role=row.role,
        signed_in_at=row.signed_in_at,
    )


async def end_session(connection: AsyncConnection, digest: bytes) -> None:
    """Forget one."""
    await connection.execute(_END, {"digest": digest})


async def end_sessions_of(connection: AsyncConnection, account_id: UUID) -> None:
    """Forget every one of an account."""
    await connection.execute(_END_ALL, {"account_id": account_id})


async def open_sessions(
    connection: AsyncConnection, account_id: UUID, *, now: datetime
) -> Sequence[Any]:
    """(digest, signed_in_at, seen_at) of each session of an account that holds, newest first."""
    asked = {"account_id": account_id} | _limits(now)
    return (await connection.execute(_OPEN_ONES, asked)).all()


async def end_own(connection: AsyncConnection, account_id: UUID, digest: bytes) -> None:
    """Forget this one, if it is of this account."""
    await connection.execute(_END_OWN, {"account_id": account_id, "digest": digest})


async def end_others(connection: AsyncConnection, account_id: UUID, digest: bytes) -> None:
    """Forget every one of an account but this."""
    await connection.execute(_END_OTHERS, {"account_id": account_id, "digest": digest})


async def set_password(connection: AsyncConnection, account_id: UUID, password: str) -> None:
    """From now on it is this one. password: its digest."""
    await connection.execute(_NEW_PASSWORD, {"account_id": account_id, "password": password})


async def set_codes(
    connection: AsyncConnection, account_id: UUID, code_key: bytes, *, step: int
) -> None:
    """From now on codes are made with this sealed key; step: of the last one that was used."""
    row = {"account_id": account_id, "code_key": code_key, "step": step}
    await connection.execute(_NEW_CODES, row)


def _limits(now: datetime) -> dict[str, datetime]:
    return {"idle": now - IDLE, "life": now - LIFE}


def _account(row: Any | None) -> Account | None:
    return None if row is None else Account(**row._mapping)
