"""Asking later how a person is: what is due is told to the case's owner, who says what came of it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, outbox
from chassis.audit import Look
from contracts.callers import Caller
from contracts.cases import FollowupDone
from contracts.feed_cases import FollowupAwaited
from services.intake.domain.followups import next_after
from services.intake.store import followups
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.telling import Telling, tell_if_reached

#: How many are told in one transaction.
BATCH = 100
ACTION = "followup.done"


async def tell_due(connection: AsyncConnection, *, by: Discloser) -> int:
    """Put what is due on its owner's list and into its feed, once; how many that were."""
    due = await followups.claim(connection, room=BATCH)
    for one in due:
        followup_id = by.mint.opaque_id()
        await followups.add(connection, one, followup_id=followup_id, then=next_after(one.days))
        said = FollowupAwaited(followup_id=followup_id, after_days=one.days)
        to = Telling(organisation=one.owner, case_id=one.case_id, trace=None)
        await tell_if_reached(connection, said, to, by=by)
    return len(due)


async def finish_followup(
    connection: AsyncConnection,
    who: Caller,
    followup_id: UUID,
    *,
    outcome: str,
    trace: str | None,
    by: Discloser,
) -> bool:
    """The owner has asked; False where none of its follow-ups is open under this id."""
    owner = who.organisation
    done = await followups.finish(connection, followup_id, owner=owner, outcome=outcome)
    if done is None:
        await audit.add(connection, who, [Look(action=ACTION, outcome="not_found", shown=0)])
        return False
    event = FollowupDone(
        organisation=owner,
        after_days=done.after_days,
        outcome=outcome,
        done_on=by.mint.moment().date(),
    )
    await outbox.add(connection, [by.announced(event, done.case_id, cause=None, trace=trace)])
    await audit.add(connection, who, [Look(action=ACTION, case_id=done.case_id, shown=0)])
    return True
