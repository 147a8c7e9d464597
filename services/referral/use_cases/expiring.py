"""Not waiting for ever: whoever does not answer is reminded, then somebody else is asked."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from services.referral.domain.deadlines import WAITING, Step, pause
from services.referral.store import answers, referrals, timers
from services.referral.store.referrals import Referral
from services.referral.store.timers import Due, Timer
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import offer_next

#: The passing of time follows from nobody's message.
TIME = Cause()


async def act_on_time(
    connection: AsyncConnection, due: Sequence[Due], *, announcer: Announcer
) -> None:
    """What these timers, claimed in this transaction, are for; those that were answered end."""
    known = await referrals.lock(connection, [one.matter_id for one in due])
    waiting = [one for one in due if _waits(known.get(one.matter_id))]
    to_remind, to_expire = (
        [known[one.matter_id] for one in waiting if one.step == step]
        for step in (Step.REMIND, Step.EXPIRE)
    )
    going_on = {one.referral_id for one in to_remind}
    await timers.end(connection, [one.matter_id for one in due if one.matter_id not in going_on])
    await _remind(connection, to_remind, announcer=announcer)
    await _expire(connection, to_expire, announcer=announcer)


async def _remind(
    connection: AsyncConnection, late: Sequence[Referral], *, announcer: Announcer
) -> None:
    rest = [Timer(one.referral_id, Step.EXPIRE, pause(one.urgency)) for one in late]
    await timers.go_on(connection, rest)
    await outbox.add(connection, [m for one in late for m in announcer.reminded(one, cause=TIME)])


async def _expire(
    connection: AsyncConnection, late: Sequence[Referral], *, announcer: Announcer
) -> None:
    overdue = [replace(one, state="overdue") for one in late]
    await referrals.move(connection, overdue)
    await answers.note(connection, [one.referral_id for one in overdue])
    await outbox.add(connection, [m for one in overdue for m in announcer.stepped(one, cause=TIME)])
    if overdue:
        await offer_next(connection, [(one, TIME) for one in overdue], announcer=announcer)


def _waits(one: Referral | None) -> bool:
    return one is not None and one.state in WAITING
