"""Following what may be asked for: of what she said no to nobody is called, of what she allows again once."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.store import endings, notices, referrals, unplaced
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import Asking, Offers, asked_of, write


async def follow_ground(
    connection: AsyncConnection,
    case_id: UUID,
    *,
    may_stop: bool,
    cause: Cause,
    announcer: Announcer,
) -> None:
    """After a decision about this case. may_stop: it was a no."""
    case = (await referrals.known_cases(connection, [case_id], is_asking=True))[case_id]
    offers = Offers()
    asking = Asking(case, announcer=announcer, cause=cause, offers=offers)
    if case.is_closed or asking.situation is None:
        return
    if may_stop:
        await _stop(connection, asking)
    await _ask_again(connection, asking)
    await write(connection, offers, announcer=announcer)


async def _stop(connection: AsyncConnection, asking: Asking) -> None:
    """Nobody is called for what nobody may be asked: the owner knows, having recorded it."""
    left = await unplaced.waiting(connection, asking.case.case_id)
    gone = [one.unplaced_id for one in left if not asking.is_carried(one.service)]
    await unplaced.lose_ground(connection, gone)
    await notices.spare_matters(connection, gone)


async def _ask_again(connection: AsyncConnection, asking: Asking) -> None:
    """At high risk the owner says of whom, as after a decline."""
    case_id = asking.case.case_id
    waits, taken = [await store.lost(connection, case_id) for store in (unplaced, endings)]
    again = {
        service: urgency
        for service, urgency in (taken | waits).items()
        if asking.is_carried(service)
    }
    if not again:
        return
    asked = asked_of(await referrals.asked_for(connection, [case_id]))
    await unplaced.take_lost(connection, case_id, list(again))
    await endings.regain_ground(connection, case_id, list(again))
    for service, urgency in again.items():
        need, before = asking.need_of(service, urgency), asked.get((case_id, service), {})
        if asking.case.facts["risk"] == "high":
            asking.leave_to_human(need, asked=before)
        else:
            asking.ask(need, asked=before)
