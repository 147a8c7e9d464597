"""What the people of an organisation do at its desk: look at what was referred to it, and answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.referral.domain.deadlines import LIMITS, WAITING
from services.referral.domain.lifecycle import OPEN, STEPS
from services.referral.store import desk, groups, referrals
from services.referral.store.desk import AtDesk
from services.referral.store.groups import Planned
from services.referral.use_cases.announcing import Announcer, Cause, shown_of
from services.referral.use_cases.answering import Answer, Answered, take_answers

#: Who answers for a case, and for an incident.
OWNERS: Final = ("case_owner", "focal_point")
#: The groups that an offer holds (contracts.policy).
_PARTS: Final = ("G0", "G1")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDesk:
    """Everything of the desk. waiting: the next that is due first; done: of the last seven days.

    plans: of our incidents, for who may send them.
    """

    waiting: Sequence[AtDesk]
    taken: Sequence[AtDesk]
    done: Sequence[AtDesk]
    plans: Sequence[Planned]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One referral. shown: what its organisation may know now; steps: what it may say."""

    one: AtDesk
    shown: Mapping[str, Any]
    steps: frozenset[str]


async def list_desk(connection: AsyncConnection, *, who: Caller) -> OnDesk:
    """What was referred to somebody's organisation, and that they have looked."""
    found = await desk.at_desk(connection, who.organisation, open_states=OPEN)
    await audit.add(connection, who, [Look(action="desk.listed", shown=len(found))])
    waiting = sorted((one for one in found if one.state in WAITING), key=due)
    taken = [one for one in found if one.state in OPEN - WAITING]
    done = [one for one in found if one.state not in OPEN]
    plans = await groups.planned(connection, who.organisation) if who.role in OWNERS else []
    return OnDesk(waiting=waiting, taken=taken, done=done, plans=plans)


async def open_referral(
    connection: AsyncConnection, referral_id: UUID, *, who: Caller
) -> Opened | None:
    """One referral to somebody's organisation; None for any other, as if there were none.

    It shows what the offer did, and nothing of the person once it is over.
    """
    one = await desk.one_at_desk(connection, referral_id, who.organisation)
    if one is None:
        look = Look(action="desk.opened", outcome="not_found", shown=0)
        await audit.add(connection, who, [look])
        return None
    shown: Mapping[str, Any] = {}
    if one.state in OPEN:
        known = await referrals.known_cases(connection, [one.case_id])
        shown = shown_of(one.referral, known[one.case_id])
    look = Look(action="desk.opened", case_id=one.case_id, parts=_PARTS if shown else ())
    await audit.add(connection, who, [look])
    steps = frozenset(verb for verb, (before, _) in STEPS.items() if one.state in before)
    return Opened(one=one, shown=shown, steps=steps)


async def answer_by_hand(
    connection: AsyncConnection, answer: Answer, *, who: Caller, announcer: Announcer
) -> Answered:
    """The same as an organisation's own system says by a request, with who said it on record."""
    (answered,) = await take_answers(connection, [answer], announcer=announcer)
    look = Look(
        action=f"desk.{answer.verb}",
        case_id=answered.case_id,
        outcome="refused" if answered.refused else "shown",
        shown=0,
    )
    await audit.add(connection, who, [look])
    return answered


def an_answer_of(
    who: Caller,
    referral_id: UUID,
    *,
    verb: str,
    reason: str | None,
    request_id: UUID,
    trace: str | None,
) -> Answer:
    """What somebody at the desk says."""
    return Answer(
        organisation=who.organisation,
        referral_id=referral_id,
        verb=verb,
        request_id=request_id,
        cause=Cause(trace=trace),
        reason=reason,
        is_by_hand=True,
    )


def due(one: AtDesk) -> datetime:
    """Until when an answer is waited for."""
    return one.offered_at + LIMITS[one.urgency]
