"""Giving people accounts and taking them away: an invitation of one use, then their own password."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.referral.domain.accounts import INVITED_FOR, LOGIN
from services.referral.store import accounts, recoveries
from services.referral.store.accounts import Account

#: Whoever runs the platform, at its command line and, with an account, at its pages.
OPERATOR = "operator"
#: The roles that an organisation's people have.
PEOPLE = ("officer", "case_owner", "focal_point", "analyst", "data_officer")
#: Whom a focal point invites: those who vouch for others are not made by one of them.
COLLEAGUES = tuple(role for role in PEOPLE if role != "focal_point")
#: Everybody who may have an account; an operator's is given at the command line alone.
ACCOUNTS = (*PEOPLE, OPERATOR)


class InvitationRefused(Exception):
    """Why nobody was invited: `login`, `role`, `organisation`, `joined` or `taken`."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Whom to let in: `login` at `organisation` as `role`. account_id is used for a new one."""

    account_id: UUID
    organisation: str
    role: str
    login: str


def digest_of(secret: str) -> bytes:
    """What is kept of an invitation or a session: it cannot be made into one again."""
    return sha256(secret.encode()).digest()


async def invite(
    connection: AsyncConnection, one: Invitation, *, secret: str, now: datetime, by: Caller
) -> datetime:
    """Keep an invitation under this secret, and until when it is good; an earlier one is void.

    Who has joined already is not invited again: that takes two (`recovering`). Raises
    InvitationRefused.
    """
    if LOGIN.fullmatch(one.login) is None:
        raise InvitationRefused("login")
    if one.role not in (ACCOUNTS if by.role == OPERATOR else PEOPLE):
        raise InvitationRefused("role")
    if not await accounts.takes_part(connection, one.organisation):
        raise InvitationRefused("organisation")
    until = now + INVITED_FOR
    row = {
        "account_id": one.account_id,
        "organisation": one.organisation,
        "role": one.role,
        "login": one.login,
        "digest": digest_of(secret),
        "until": until,
        "now": now,
    }
    if await accounts.invite(connection, row) is None:
        held = await accounts.find(connection, one.login)
        is_ours = held is not None and held.organisation == one.organisation
        raise InvitationRefused("joined" if is_ours else "taken")
    await audit.add(connection, by, [Look(action="account.invited", shown=0)])
    return until


async def disable(connection: AsyncConnection, login: str, *, now: datetime, by: Caller) -> bool:
    """Let nobody in by this login from now on, open sessions included; False if there is none.

    The operator disables anybody, a focal point colleagues and never themselves.
    """
    account = await accounts.find(connection, login, lock=True)
    if account is None or not _may_disable(by, account):
        return False
    await accounts.disable(connection, login, now=now)
    await accounts.end_sessions_of(connection, account.account_id)
    await recoveries.end(connection, account.account_id, outcome="void", now=now)
    who = Caller(account.organisation, by.role, by.person)
    await audit.add(connection, who, [Look(action="account.disabled", shown=0)])
    return True


def _may_disable(by: Caller, account: Account) -> bool:
    if by.role == OPERATOR:
        return True
    return account.organisation == by.organisation and account.account_id.hex != by.person
