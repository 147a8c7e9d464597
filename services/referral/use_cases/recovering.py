"""Letting somebody in again who has lost what they sign in with: two others must say so."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.referral.domain.accounts import INVITED_FOR, fault_of_recovery
from services.referral.store import accounts, recoveries
from services.referral.use_cases.inviting import OPERATOR, digest_of


class RecoveryRefused(Exception):
    """Why nothing came of it: `unknown`, `operator`, `new`, `self`, `same` or `asked`."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the second person says. secret: of the invitation that comes of it."""

    recovery_id: UUID
    secret: str = field(repr=False)


async def ask_recovery(
    connection: AsyncConnection,
    account_id: UUID,
    *,
    recovery_id: UUID,
    by: Caller,
    now: datetime,
) -> None:
    """The first person says that it is lost; nothing changes by it. Raises RecoveryRefused."""
    account = await accounts.by_id(connection, account_id)
    if account is None or account.organisation != by.organisation:
        raise RecoveryRefused("unknown")
    if account.role == OPERATOR and by.role != OPERATOR:
        raise RecoveryRefused("operator")
    if account.password is None:
        raise RecoveryRefused("new")
    if (asker := voucher(by)) == account_id:
        raise RecoveryRefused("self")
    row = {
        "recovery_id": recovery_id,
        "account_id": account_id,
        "asked_by": asker,
        "now": now,
    }
    if not await recoveries.ask(connection, row):
        raise RecoveryRefused("asked")
    await audit.add(connection, by, [Look(action="account.recovery_asked", shown=0)])


async def agree_recovery(
    connection: AsyncConnection, one: Agreement, *, by: Caller, now: datetime
) -> datetime:
    """The second person says so too: the account is invited anew, until the moment returned.

    It stays as it is until the invitation is used. Raises RecoveryRefused.
    """
    found = await recoveries.find(connection, one.recovery_id, now=now)
    if found is None:
        raise RecoveryRefused("unknown")
    # The operator's word is no organisation's.
    is_theirs = voucher(by) is None or await recoveries.is_for(
        connection, one.recovery_id, by.organisation
    )
    if not is_theirs:
        raise RecoveryRefused("unknown")
    fault = fault_of_recovery(lost=found.account_id, asked_by=found.asked_by, agreed_by=voucher(by))
    if fault is not None:
        raise RecoveryRefused(fault)
    until = now + INVITED_FOR
    await recoveries.agree(
        connection, {"recovery_id": one.recovery_id, "agreed_by": voucher(by), "now": now}
    )
    row = {"account_id": found.account_id, "digest": digest_of(one.secret), "until": until}
    await accounts.invite_again(connection, row)
    await audit.add(connection, by, [Look(action="account.recovery_agreed", shown=0)])
    return until


def voucher(by: Caller) -> UUID | None:
    """The account of whoever vouches; None for the operator, who has none."""
    return None if by.role == OPERATOR else UUID(str(by.person))
