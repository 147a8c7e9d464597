"""Taking referrals back: nothing is expected of an organisation any more, and another may be asked."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from services.referral.domain.lifecycle import OPEN
from services.referral.store import referrals
from services.referral.store.referrals import Referral
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import offer_next

#: Reasons after which the person still needs the service, and the next in rank is asked.
PASSED_ON = frozenset({"suspended"})


async def take_back(
    connection: AsyncConnection,
    causes: Mapping[UUID, Cause],
    *,
    reason: str,
    announcer: Announcer,
) -> list[Referral]:
    """Those of these that are open are `withdrawn` from now on, and their places are free.

    causes: what it follows from, by referral. reason: a `withdrawal_reason`. Whoever started is taken back as well: a service that was begun
    where nobody may be any more has to go on elsewhere.
    """
    held = await referrals.lock(connection, causes)
    gone = [replace(one, state="withdrawn") for one in held.values() if one.state in OPEN]
    if not gone:
        return []
    await referrals.move(connection, gone)
    left = [(one, causes[one.referral_id]) for one in gone]
    said = [m for one, cause in left for m in announcer.stepped(one, cause=cause, reason=reason)]
    await outbox.add(connection, said)
    if reason in PASSED_ON:
        await offer_next(connection, left, announcer=announcer)
    return gone
