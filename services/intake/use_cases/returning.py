"""Planning a person's way home and saying that she has arrived: by the owner of her case alone."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import feed_cases as feed
from contracts.cases import ReturnCompleted, ReturnPlanned
from contracts.event import Message
from services.intake.domain import returns as rules
from services.intake.domain.returns import NoSuchReturn, Return
from services.intake.store import consents, disclosures, merges, returns
from services.intake.store.disclosures import Recipient
from services.intake.use_cases.closing import held_person, say
from services.intake.use_cases.disclosing import Accepted, Discloser
from services.intake.use_cases.taking_part import RETURNING, tell_each, tell_of_return
from services.intake.use_cases.transferring import Acting

PLAN, COMPLETE = "return.plan", "return.complete"


async def plan_return(
    connection: AsyncConnection,
    acting: Acting,
    number: str,
    *,
    plan: Return,
    planned_for: date,
    by: Discloser,
) -> UUID | None:
    """Plan it, or plan otherwise what is planned already; its id. None: the caller owns no such case.

    Raises `CaseIsClosed`.
    """
    found = await held_person(connection, acting, number, action=PLAN)
    if found is None:
        return None
    rules.require_plannable(found.now)
    return_id = await returns.change(connection, found.files, plan, planned_for=planned_for)
    if return_id is None:
        return_id = by.mint.opaque_id()
        await returns.add(connection, found.root, return_id, plan=plan, planned_for=planned_for)
    owner = acting.who.organisation
    said = ReturnPlanned(
        return_id=return_id, organisation=owner, planned_for=planned_for, **asdict(plan)
    )
    await say(connection, acting, {found.root: said}, action=PLAN, by=by)
    planned = partial(_planned, planned_for=planned_for)
    await tell_of_return(connection, found.files, planned, trace=acting.trace, by=by)
    return return_id


async def complete_return(
    connection: AsyncConnection,
    acting: Acting,
    number: str,
    *,
    return_id: UUID,
    completed_on: date,
    by: Discloser,
) -> date | None:
    """She has arrived; the day. None: the caller owns no such case; a closed one may be told of too.

    Raises `ArrivedInFuture`, `NoSuchReturn`.
    """
    found = await held_person(connection, acting, number, action=COMPLETE)
    if found is None:
        return None
    rules.require_arrived(completed_on, today=by.mint.moment().date())
    done = await returns.complete(connection, found.files, return_id, completed_on=completed_on)
    if done is None:
        raise NoSuchReturn
    owner = acting.who.organisation
    said = ReturnCompleted(
        return_id=return_id, organisation=owner, completed_on=completed_on, **asdict(done)
    )
    await say(connection, acting, {found.root: said}, action=COMPLETE, by=by)
    arrived = partial(_arrived, completed_on=completed_on)
    await tell_of_return(connection, found.files, arrived, trace=acting.trace, by=by)
    return completed_on


async def tell_planned(
    connection: AsyncConnection, accepted: Sequence[Accepted], *, by: Discloser
) -> None:
    """Whoever takes on to go with her after it was planned hears for which day."""
    traces = {one.referral_id: one.trace for one in accepted}
    who = (await disclosures.recipients(connection, traces)).values()
    going = [one for one in who if one.service in RETURNING and one.stage == "accepted"]
    # Whoever plans takes the same rows: it finds this recipient, or this finds the plan.
    files = await consents.files(connection, {one.case_id for one in going}) if going else {}
    for one in going:
        file = files[one.case_id]
        if file.is_erased or file.is_closed:
            continue
        root = await merges.root(connection, one.case_id)
        day = await returns.planned(connection, await merges.below(connection, root.case_id))
        if day is not None:
            said = partial(_planned, planned_for=day)
            await tell_each(
                connection, [one], files, said=said, trace=traces[one.referral_id], by=by
            )


def _planned(one: Recipient, *, planned_for: date) -> Message:
    return feed.ReturnPlanned(referral_id=one.referral_id, planned_for=planned_for)


def _arrived(one: Recipient, *, completed_on: date) -> Message:
    return feed.ReturnCompleted(referral_id=one.referral_id, completed_on=completed_on)
