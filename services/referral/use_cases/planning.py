"""The plan of an incident: made when everybody is there, changed by wishes, sent by a human or by time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.deadlines import Step, pause
from services.referral.domain.placement import Plan, Wishes
from services.referral.store import groups, places, referrals, timers
from services.referral.store.groups import Gathering
from services.referral.store.timers import Due, Timer
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.grouping import Gathered, gather, group_of, is_unchanged
from services.referral.use_cases.offering import TOGETHER, Asking, Offers, asked_of, write
from services.referral.use_cases.placing import Solver, place_group

#: For so long nobody else plans what somebody has begun to; who has died by then is not waited for.
SOLVING = timedelta(minutes=1)
NO_WISHES: Mapping[str, Any] = {"pinned": [], "forbidden": [], "parted": []}


class NoPlanWaits(Exception):
    """There is no plan of this organisation that could be changed or sent (any more)."""


class PlannedMeanwhile(Exception):
    """The plan is another one than the one that was seen."""


@dataclass(slots=True)
class Sent:
    """What became of a plan, in numbers of services.

    as_planned: asked as it says. moved: asked of another, or of nobody. left: a human decides.
    """

    as_planned: int = 0
    moved: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Who is to be placed where, as it was read; solved while nothing is held.

    wishes: as they are kept.
    """

    incident_id: UUID
    wishes: Mapping[str, Any]
    gathered: Gathered


async def claim_gathered(connection: AsyncConnection, *, announcer: Announcer) -> Draft | None:
    """An incident whose persons have been waited for, if there is one; nobody else has it for a while."""
    found = await timers.claim_step(connection, Step.PLAN)
    if found is None:
        return None
    await timers.again(connection, [Timer(found.matter_id, Step.PLAN, SOLVING)])
    return await draft_plan(connection, found.matter_id, NO_WISHES, announcer=announcer)


async def draft_plan(
    connection: AsyncConnection,
    incident_id: UUID,
    wishes: Mapping[str, Any],
    *,
    announcer: Announcer,
) -> Draft:
    """The incident as it is now, to be solved around what a human wants."""
    gathered = await gather(connection, incident_id, announcer=announcer, offers=Offers())
    return Draft(incident_id=incident_id, wishes=wishes, gathered=gathered)


def solved(draft: Draft, *, solver: Solver) -> Plan:
    """Takes seconds of arithmetic: on a thread, and outside of any transaction. Raises `WishRefused`."""
    return place_group(group_of(draft.gathered, wishes_of(draft.wishes)), solver=solver)


async def keep_first(connection: AsyncConnection, draft: Draft, plan: Plan) -> bool:
    """From now on its owner sees it, until it is sent; False: draft it again, it is not as it was."""
    await groups.lock(connection, [draft.incident_id])
    found = await groups.one(connection, draft.incident_id)
    if found is None or found.state != "gathering":
        return True  # somebody else, who was faster, has planned it
    if not await _keep(connection, draft, plan):
        return False
    if plan.placed or plan.unplaced:
        due = Timer(draft.incident_id, Step.SEND, pause(draft.gathered.urgency))
        await timers.again(connection, [due])
    return True


async def keep_again(
    connection: AsyncConnection, seen: Gathering, draft: Draft, *, plan: Plan
) -> bool:
    """In place of the plan that was seen; False as above. Raises `NoPlanWaits`, `PlannedMeanwhile`."""
    await check_waiting(connection, seen)
    return await _keep(connection, draft, plan)


async def _keep(connection: AsyncConnection, draft: Draft, plan: Plan) -> bool:
    """Places are not looked at: they come and go until it is sent, and are counted again then."""
    if not await is_unchanged(connection, draft.incident_id, draft.gathered):
        return False
    kept = asdict(plan)
    await groups.save_plan(connection, draft.incident_id, wishes=draft.wishes, plan=kept)
    if not plan.placed and not plan.unplaced:
        await groups.sent(connection, draft.incident_id)
        await timers.end(connection, [draft.incident_id])
    return True


async def send_overdue(
    connection: AsyncConnection, due: Sequence[Due], *, announcer: Announcer
) -> None:
    """Send what nobody confirmed in time."""
    for one in due:
        found = await groups.one(connection, one.matter_id, is_locked=True)
        if found is not None and found.state == "planned":
            await _send(connection, found, announcer=announcer, role=None)
        else:
            await timers.end(connection, [one.matter_id])


async def confirm(
    connection: AsyncConnection, seen: Gathering, *, announcer: Announcer, role: str
) -> Sent:
    """Ask for everybody at once. Raises `NoPlanWaits`, `PlannedMeanwhile`."""
    found = await check_waiting(connection, seen)
    return await _send(connection, found, announcer=announcer, role=role)


async def check_waiting(connection: AsyncConnection, seen: Gathering) -> Gathering:
    """That plan, locked until this transaction ends. Raises `NoPlanWaits`, `PlannedMeanwhile`."""
    # The timer first, as whoever acts on time does.
    await groups.lock(connection, [seen.incident_id])
    found = await groups.one(connection, seen.incident_id)
    if found is None or found.state != "planned" or found.owner != seen.owner:
        raise NoPlanWaits
    if found.version != seen.version:
        raise PlannedMeanwhile
    return found


def wishes_of(kept: Mapping[str, Any]) -> Wishes:
    """As they are kept: [member, service, organisation] each, and families."""
    return Wishes(
        pinned={(member, service): code for member, service, code in kept["pinned"]},
        forbidden=frozenset((member, service, code) for member, service, code in kept["forbidden"]),
        parted=frozenset(kept["parted"]),
    )


async def _send(
    connection: AsyncConnection, one: Gathering, *, announcer: Announcer, role: str | None
) -> Sent:
    assert one.plan is not None  # noqa: S101 - what is planned has one
    where = {(UUID(p["member"]), p["service"]): p["organisation"] for p in one.plan["placed"]}
    nowhere = {(UUID(p["member"]), p["service"]) for p in one.plan["unplaced"]}
    counted = await places.lock(connection, {(code, need[1]) for need, code in where.items()})
    room = Counter({pair: found.room for pair, found in counted.items()})
    offers = Offers()
    gathered = await gather(connection, one.incident_id, announcer=announcer, offers=offers)
    before = asked_of(await referrals.asked_for(connection, gathered.askings))
    sender = _Sender(room, role, one.owner, Sent())
    for case_id, service in sorted({*where, *nowhere}):
        asking = gathered.askings[case_id]
        # A rule may have demanded for her what her family is placed for.
        if (case_id, service) not in before and not asking.case.is_closed:
            sender.send(asking, service, where.get((case_id, service)))
    await write(connection, offers, announcer=announcer)
    await groups.sent(connection, one.incident_id)
    await timers.end(connection, [one.incident_id])
    return sender.sent


@dataclass(slots=True)
class _Sender:
    """Sends one service after the other. role: None where nobody confirmed the plan."""

    room: Counter[tuple[str, str]]
    role: str | None
    owner: str
    sent: Sent

    def send(self, asking: Asking, service: str, organisation: str | None) -> None:
        """As planned while there is room; else as any case is routed; at high risk a human decides."""
        need = asking.need_of(service, str(asking.case.facts["urgency"]))
        if self.role is None and asking.case.facts["risk"] == "high":
            asking.leave_to_human(need, asked={})
            self.sent.left += 1
            return
        # Somebody else's case by now is not this owner's to place.
        is_ours = organisation is not None and asking.case.owner == self.owner
        pair = organisation or "", service
        is_counted = pair in self.room
        has_room = not is_counted or self.room[pair] > 0
        if (
            is_ours
            and has_room
            and asking.ask_chosen(need, pair[0], asked={}, role=self.role, by=TOGETHER)
        ):
            if is_counted:
                self.room[pair] -= 1
            self.sent.as_planned += 1
            return
        asking.ask(need, asked={})
        self.sent.moved += 1
