"""HTTP in: an incident's owner sees where its persons would go, and sends the plan."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response

from chassis import audit
from chassis.audit import Look
from chassis.web import Refusal, Shown
from contracts.callers import Caller
from services.referral.api.desk import Desk
from services.referral.store import groups
from services.referral.store.groups import Gathering
from services.referral.use_cases.planning import NoPlanWaits, PlannedMeanwhile, confirm

T = TypeVar("T", bound=Shown)
#: Those who answer for a case.
OWNERS = ("case_owner", "focal_point")
#: As HTTP writes a version: a number in quotation marks.
Match = Annotated[str | None, Header(pattern=r'^"[1-9]\d{0,8}"$')]


class Placement(Shown):
    """Where one person would go, and of how many that are open to her. case: as your feed calls it."""

    case: str
    service: str
    organisation: str
    open_to: int
    with_family: int


class Left(Shown):
    """Who has no place. binding: the fewest rules that keep her from one."""

    case: str
    service: str
    urgency: str
    binding: list[str]


class Proposal(Shown):
    """state: `gathering` (no plan yet), `planned` (nobody is asked yet) or `sent`."""

    state: str
    age_minutes: int
    placed: list[Placement]
    unplaced: list[Left]


class SentPlan(Shown):
    """In services. as_planned: asked as planned; moved: routed like any case."""

    as_planned: int
    moved: int


def plans_router(desk: Desk) -> APIRouter:
    """The routes; every one needs a token of the organisation that submitted the incident."""
    routes = APIRouter(prefix="/incidents", tags=["incidents"])
    _add_reading(routes, desk)
    _add_sending(routes, desk)
    return routes


def _add_reading(routes: APIRouter, desk: Desk) -> None:
    owner = desk.caller.having(*OWNERS)

    @routes.get("/{incident_id}/plan")
    async def read_plan(
        incident_id: UUID, response: Response, who: Annotated[Caller, Depends(owner)]
    ) -> Proposal:
        """Where each would go; its `ETag` is what the confirmation names in `If-Match`."""
        found = await desk.parts.reads.audited_read(
            who, lambda connection: groups.one(connection, incident_id), _looked
        )
        if found is None:
            raise _not_found()
        if found.version:
            response.headers["ETag"] = f'"{found.version}"'
        return _shown(desk, who, found)


def _add_sending(routes: APIRouter, desk: Desk) -> None:
    owner = desk.caller.having(*OWNERS)

    @routes.post("/{incident_id}/plan/confirmation", status_code=202, responses={412: {}, 428: {}})
    async def confirm_plan(
        incident_id: UUID, *, who: Annotated[Caller, Depends(owner)], if_match: Match = None
    ) -> SentPlan:
        """Ask for everybody; whoever's place is gone meanwhile is routed like any case."""
        if if_match is None:
            raise Refusal(428, "precondition_required", "Give If-Match with the plan you have seen")
        async with desk.parts.work.begin() as connection:
            seen = Gathering(
                incident_id=incident_id,
                owner=who.organisation,
                state="planned",
                version=int(if_match.strip('"')),
            )
            announcer = await desk.announcer(connection)
            try:
                sent = await confirm(connection, seen, announcer=announcer, role=who.role)
            except NoPlanWaits:
                raise _not_found() from None
            except PlannedMeanwhile:
                raise Refusal(412, "changed_meanwhile", "There is another plan by now") from None
            await audit.add(connection, who, [Look(action="plan.confirmation")])
        await desk.parts.wake_relay()
        return SentPlan(as_planned=sent.as_planned, moved=sent.moved)


def _shown(desk: Desk, who: Caller, found: Gathering) -> Proposal:
    plan = found.plan or {"placed": [], "unplaced": []}

    def named(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            line | {"case": desk.case_name(UUID(line["member"]), who.organisation)}
            for line in lines
        ]

    return Proposal(
        state=found.state,
        age_minutes=found.age_minutes,
        placed=[_only(Placement, one) for one in named(plan["placed"])],
        unplaced=[_only(Left, one) for one in named(plan["unplaced"])],
    )


def _only(shape: type[T], line: dict[str, Any]) -> T:
    return shape.model_validate({name: line[name] for name in shape.model_fields})


def _looked(found: Gathering | None) -> Look:
    return Look(action="plan", outcome="shown" if found else "not_found", shown=int(bool(found)))


def _not_found() -> Refusal:
    return Refusal(404, "not_found", "No plan of yours waits under this id")
