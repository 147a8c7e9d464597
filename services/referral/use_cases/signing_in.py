"""Letting people in: an invitation is taken up once, then password and code open a session."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.referral.domain.accounts import fault_of_password, rests_until
from services.referral.domain.one_time_codes import fitting_step
from services.referral.gateways.credentials import Credentials
from services.referral.store import accounts, recoveries
from services.referral.store.accounts import Account
from services.referral.use_cases.inviting import digest_of

_REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What is entered to take up an invitation; code_key: what the shown codes are made with."""

    secret: str = field(repr=False)
    password: str = field(repr=False)
    again: str = field(repr=False)
    code: str = field(repr=False)
    code_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is entered to sign in; password_fits: it was compared before, as that takes its time."""

    login: str
    password_fits: bool
    compared_with: str | None = field(repr=False)
    code: str = field(repr=False)


async def join(
    connection: AsyncConnection, one: Joining, *, now: datetime, credentials: Credentials
) -> str | None:
    """Take up an invitation: the rule that something breaks, or None when it is done.

    The rules are `invitation`, `code` and those of `fault_of_password`. Open sessions end.
    """
    account = await accounts.invited(connection, digest_of(one.secret), now=now)
    if account is None:
        return "invitation"
    fault = fault_of_password(one.password, again=one.again, login=account.login)
    if fault is not None:
        return fault
    step = fitting_step(one.code_key, one.code, now=now, after=0)
    if step is None:
        return "code"
    row = {
        "account_id": account.account_id,
        "password": await credentials.hashed(one.password),
        "code_key": credentials.seal(one.code_key, account.account_id),
        # The same code signs in right after: nobody has to wait for the next one.
        "step": step - 1,
    }
    await accounts.join(connection, row)
    await recoveries.end(connection, account.account_id, outcome="used", now=now)
    await accounts.end_sessions_of(connection, account.account_id)
    await audit.add(connection, person_of(account), [Look(action="account.joined", shown=0)])
    return None


async def sign_in(
    connection: AsyncConnection,
    attempt: Attempt,
    *,
    secret: str,
    now: datetime,
    credentials: Credentials,
) -> Caller | None:
    """Open a session under this secret; None, and one more wrong try, where anything is not right.

    Tries are taken one after the other, so that many at once are as many as one by one.
    """
    account = await prove(connection, attempt, now=now, credentials=credentials)
    if account is None:
        return None
    # Whoever can sign in has lost nothing, whatever others say.
    if await recoveries.end(connection, account.account_id, outcome="void", now=now):
        await accounts.call_off(connection, account.account_id)
    await accounts.open_session(connection, digest_of(secret), account.account_id, now=now)
    who = person_of(account)
    await audit.add(connection, who, [Look(action="session.opened", shown=0)])
    return who


async def prove(
    connection: AsyncConnection, attempt: Attempt, *, now: datetime, credentials: Credentials
) -> Account | None:
    """Whose password and code these are; None, and one more wrong try, where anything is not right."""
    account = await accounts.find(connection, attempt.login, lock=True)
    if account is None:
        return None
    step = _used_step(account, attempt, now=now, credentials=credentials)
    rests = account.rests_until is not None and now < account.rests_until
    if step is None or rests:
        await _note_wrong(connection, account, now=now, rests=rests)
        return None
    await _note(connection, account, failures=0, until=None, step=step)
    return account


def _used_step(
    account: Account, attempt: Attempt, *, now: datetime, credentials: Credentials
) -> int | None:
    """The step of the code, where code and password are right and the account is in use."""
    # Whoever changed the password meanwhile has not entered this one.
    is_same = account.password is not None and account.password == attempt.compared_with
    if not (is_same and attempt.password_fits) or account.disabled_at is not None:
        return None
    if account.code_key is None:
        return None
    key = credentials.open(account.code_key, account.account_id)
    return fitting_step(key, attempt.code, now=now, after=account.code_step)


async def _note_wrong(
    connection: AsyncConnection, account: Account, *, now: datetime, rests: bool
) -> None:
    """What is tried while the account rests neither counts nor makes it rest longer."""
    if not rests:
        failures = account.failures + 1
        until = rests_until(failures, now=now)
        await _note(connection, account, failures=failures, until=until, step=account.code_step)
    look = Look(action="session.opened", outcome=_REFUSED, shown=0)
    await audit.add(connection, person_of(account), [look])


async def _note(
    connection: AsyncConnection,
    account: Account,
    *,
    failures: int,
    until: datetime | None,
    step: int,
) -> None:
    row = {
        "account_id": account.account_id,
        "failures": failures,
        "rests_until": until,
        "step": step,
    }
    await accounts.note_try(connection, row)


def person_of(account: Account) -> Caller:
    """Who signs in by it."""
    return Caller(account.organisation, account.role, account.account_id.hex)
