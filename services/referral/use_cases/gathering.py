"""Gathering the cases of an incident, until everybody is there or has been waited for long enough."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.incidents import IncidentOpened, IncidentRegistered
from contracts.intake import CaseRegistered
from services.referral.domain.deadlines import GATHERING, Step
from services.referral.store import groups, timers
from services.referral.store.groups import Joined
from services.referral.store.timers import Timer

AT_ONCE = timedelta()


async def expect_persons(
    connection: AsyncConnection, said: Mapping[UUID, IncidentOpened | IncidentRegistered]
) -> None:
    """So many cases will come, or came, of these incidents; some before the word of it."""
    if not said:
        return
    await _find(connection, {id: one.owner for id, one in said.items()})
    await groups.expect(connection, {id: one.persons for id, one in said.items()})
    await _plan_complete(connection, list(said))


async def find_gathering(connection: AsyncConnection, cases: Sequence[CaseRegistered]) -> set[UUID]:
    """Of the incidents of these cases those that are not planned yet, locked."""
    owners = {one.incident_id: one.owner for one in cases if one.incident_id is not None}
    if not owners:
        return set()
    states = await _find(connection, owners)
    return {id for id, state in states.items() if state == "gathering"}


async def join(connection: AsyncConnection, joined: Sequence[Joined]) -> None:
    """These cases wait with the others of their incident; with the last of them the wait is over."""
    if joined:
        await groups.join(connection, joined)
        await _plan_complete(connection, sorted({one.incident_id for one in joined}))


async def _find(connection: AsyncConnection, owners: Mapping[UUID, str]) -> Mapping[UUID, str]:
    new = await groups.found(connection, dict(sorted(owners.items())))
    await timers.start(connection, [Timer(one, Step.PLAN, GATHERING) for one in new])
    return await groups.lock(connection, owners)


async def _plan_complete(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    full = await groups.complete(connection, ids)
    await timers.again(connection, [Timer(one, Step.PLAN, AT_ONCE) for one in full])
