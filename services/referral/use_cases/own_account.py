"""What people change of their own accounts, once they have proved again that it is they."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from services.referral.domain.accounts import fault_of_password
from services.referral.domain.one_time_codes import fitting_step
from services.referral.gateways.credentials import Credentials
from services.referral.store import accounts
from services.referral.store.accounts import Account
from services.referral.use_cases.signing_in import Attempt, person_of, prove


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is entered to show that it is oneself, and the digest of the session it is entered in."""

    attempt: Attempt
    session: bytes = field(repr=False)


async def change_password(
    connection: AsyncConnection,
    proof: Proof,
    *,
    password: str,
    again: str,
    now: datetime,
    credentials: Credentials,
) -> str | None:
    """Take a new password and end all other sessions: the rule that something breaks, or None.

    The rules are those of `fault_of_password` and `proof`; a weak password costs no code.
    """
    fault = fault_of_password(password, again=again, login=proof.attempt.login)
    if fault is not None:
        return fault
    account = await prove(connection, proof.attempt, now=now, credentials=credentials)
    if account is None:
        return "proof"
    await accounts.set_password(connection, account.account_id, await credentials.hashed(password))
    await _told(connection, account, proof, action="account.password_changed")
    return None


async def renew_codes(
    connection: AsyncConnection,
    proof: Proof,
    *,
    code_key: bytes,
    code: str,
    now: datetime,
    credentials: Credentials,
) -> str | None:
    """Take codes of a new key and end all other sessions: `code`, `proof`, or None when it is done.

    code: what the new key shows now, so that nobody locks themselves out.
    """
    step = fitting_step(code_key, code, now=now, after=0)
    if step is None:
        return "code"
    account = await prove(connection, proof.attempt, now=now, credentials=credentials)
    if account is None:
        return "proof"
    sealed = credentials.seal(code_key, account.account_id)
    await accounts.set_codes(connection, account.account_id, sealed, step=step)
    await _told(connection, account, proof, action="account.codes_renewed")
    return None


async def _told(
    connection: AsyncConnection, account: Account, proof: Proof, *, action: str
) -> None:
    """Whoever else is in by the old ones is out."""
    await accounts.end_others(connection, account.account_id, proof.session)
    await audit.add(connection, person_of(account), [Look(action=action, shown=0)])
