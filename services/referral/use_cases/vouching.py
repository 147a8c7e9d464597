"""Letting in whom an institution's own sign-in vouches for, with the same rights as by an account."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.referral.gateways.provider import Vouched
from services.referral.store import accounts
from services.referral.use_cases.inviting import PEOPLE, digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The session that is opened, and when."""

    secret: str = field(repr=False)
    now: datetime


async def let_in(connection: AsyncConnection, one: Vouched, opening: Opening) -> Caller | None:
    """Open a session for them; None for an organisation or role that is none here, or who is disabled.

    Their organisation and role are what the provider says each time; sessions opened under other
    ones end.
    """
    if one.role not in PEOPLE or not await accounts.takes_part(connection, one.organisation):
        return None
    # The provider's name for a person may be an address: it is kept nowhere as it is.
    digest = sha256(f"{one.issuer}\n{one.subject}".encode()).hexdigest()
    account_id = uuid5(NAMESPACE_URL, digest)
    who = Caller(one.organisation, one.role, account_id.hex)
    before = await accounts.by_id(connection, account_id)
    row = {
        "account_id": account_id,
        "organisation": one.organisation,
        "role": one.role,
        "login": f"oidc:{digest[:20]}",
        "issuer": one.issuer,
        "now": opening.now,
    }
    if not await accounts.vouched(connection, row):
        refused = Look(action="session.opened", outcome="refused", shown=0)
        await audit.add(connection, who, [refused])
        return None
    if before is not None and (before.organisation, before.role) != (one.organisation, one.role):
        await accounts.end_sessions_of(connection, account_id)
    await accounts.open_session(connection, digest_of(opening.secret), account_id, now=opening.now)
    await audit.add(connection, who, [Look(action="session.opened", shown=0)])
    return who
