"""Not waiting for ever: whoever does not answer is reminded, then somebody else is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from services.referral.domain.deadlines import WAITING, Step, pause
from services.referral.store import answers, referrals, timers
from services.referral.store.referrals import Referral
from services.referral.store.timers import Due, Timer
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.escalating import call_next_rung, climbing
from services.referral.use_cases.offering import offer_next

#: The passing of time follows from nobody's message.
TIME = Cause()


async def act_on_time(
    connection: AsyncConnection, due: Sequence[Due], *, announcer: Announcer
) -> None:
    """What these timers, claimed in this transaction, are for; where nothing waits any more, they end."""
    known = await referrals.lock(connection, [one.matter_id for one in due])
    late = _late(due, {id: one for id, one in known.items() if one.state in WAITING})
    await _remind(connection, late[Step.REMIND], announcer=announcer)
    await _expire(connection, late[Step.EXPIRE], announcer=announcer)
    waiting = [*_referrals(late[Step.REMIND]), *_referrals(late[Step.EXPIRE])]
    causes = dict.fromkeys([*waiting, *_ids(due, Step.CLIMB)], TIME)
    called = await call_next_rung(connection, causes, announcer=announcer)
    for one in late[Step.REMIND]:
        called.pop(one.referral_id, None)
    await timers.go_on(
        connection,
        [Timer(one.referral_id, Step.EXPIRE, pause(one.urgency)) for one in late[Step.REMIND]],
    )
    await timers.again(connection, climbing(called.values()))
    over = {one.matter_id for one in due} - called.keys() - {*_referrals(late[Step.REMIND])}
    await timers.end(connection, over)


def _late(
    due: Sequence[Due], waiting: Mapping[UUID, Referral]
) -> Mapping[Step, Sequence[Referral]]:
    """After an outage longer than the time for an answer nobody is reminded of what is over already."""
    late: dict[Step, list[Referral]] = {Step.REMIND: [], Step.EXPIRE: []}
    for one in due:
        found = waiting.get(one.matter_id)
        if found is not None and one.step in late:
            is_over = one.step == Step.EXPIRE or one.late_by >= pause(found.urgency)
            late[Step.EXPIRE if is_over else Step.REMIND].append(found)
    return late


def _ids(due: Sequence[Due], step: Step) -> list[UUID]:
    return [one.matter_id for one in due if one.step == step]


def _referrals(made: Sequence[Referral]) -> list[UUID]:
    return [one.referral_id for one in made]


async def _remind(
    connection: AsyncConnection, late: Sequence[Referral], *, announcer: Announcer
) -> None:
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
