"""HTTP in: an owner sees where the persons of its incident would go, says otherwise, sends the plan.

Table error → problem at the end.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import audit
from chassis.audit import Look
from chassis.web import Refusal, Shown, Violation, rules_broken
from contracts.callers import Caller
from contracts.vocabulary import Term
from services.referral.api.desk import Desk
from services.referral.api.proposals import Proposal, proposal_of
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.store import groups
from services.referral.store.groups import Gathering
from services.referral.use_cases import wishing
from services.referral.use_cases.placing import Solver
from services.referral.use_cases.planning import NoPlanWaits, PlannedMeanwhile, confirm, keep_again
from services.referral.use_cases.wishing import Unheard, Wanted, solved_as_wished, wish

#: Those who answer for a case.
OWNERS = ("case_owner", "focal_point")
#: As HTTP writes a version: a number in quotation marks.
Match = Annotated[str | None, Header(pattern=r'^"[1-9]\d{0,8}"$')]
#: In which language the reasons are.
Lang = Annotated[Literal["fr", "en"], Query()]


class Wish(BaseModel):
    """case: as the plan calls it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    case: UUID
    service: Annotated[str, Term("service")]
    organisation: Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,24}$")]


class Wishes(BaseModel):
    """All that you want of the plan; an earlier wish that is not here is wanted no more.

    pinned: who goes where. forbidden: who does not go where. parted: families that may go apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    pinned: Annotated[tuple[Wish, ...], Field(max_length=2_000)] = ()
    forbidden: Annotated[tuple[Wish, ...], Field(max_length=2_000)] = ()
    parted: Annotated[tuple[UUID, ...], Field(max_length=1_000)] = ()


class SentPlan(Shown):
    """In services. as_planned: asked as planned; moved: routed like any case."""

    as_planned: int
    moved: int


def plans_router(desk: Desk) -> APIRouter:
    """The routes; every one needs a token of the organisation that submitted the incident."""
    routes = APIRouter(prefix="/incidents", tags=["incidents"])
    _add_reading(routes, desk)
    _add_wishing(routes, desk)
    _add_sending(routes, desk)
    return routes


def _add_reading(routes: APIRouter, desk: Desk) -> None:
    owner = desk.caller.having(*OWNERS)

    @routes.get("/{incident_id}/plan")
    async def read_plan(
        incident_id: UUID,
        response: Response,
        *,
        who: Annotated[Caller, Depends(owner)],
        lang: Lang = "fr",
    ) -> Proposal:
        """Where each would go, and why; its `ETag` is what wishes and confirmation name in `If-Match`."""
        found = await desk.parts.reads.audited_read(
            who, lambda connection: groups.one(connection, incident_id), _looked
        )
        if found is None:
            raise _not_found()
        return _shown(desk, who, found, response=response, lang=lang)


def _add_wishing(routes: APIRouter, desk: Desk) -> None:
    owner = desk.caller.having(*OWNERS)
    solver = HighsSolver()

    @routes.put("/{incident_id}/plan/wishes", responses={412: {}, 428: {}})
    async def wish_for_plan(
        incident_id: UUID,
        wishes: Wishes,
        response: Response,
        *,
        who: Annotated[Caller, Depends(owner)],
        if_match: Match = None,
        lang: Lang = "fr",
    ) -> Proposal:
        """Make the plan again around what you want; it is sent when the one before would have been."""
        seen, wanted = _seen(incident_id, who, if_match), _wanted(wishes)
        try:
            found = await _planned(desk, who, seen, wanted=wanted, solver=solver)
        except tuple(_REFUSED) as refused:
            raise _refusal(refused) from None
        await desk.parts.wake_relay()
        return _shown(desk, who, found, response=response, lang=lang)


async def _planned(
    desk: Desk, who: Caller, seen: Gathering, *, wanted: Wanted, solver: Solver
) -> Gathering:
    """Solved while no transaction is open; what has changed meanwhile is read and solved again."""
    name = partial(desk.case_name, organisation=who.organisation)
    while True:
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            draft = await wish(connection, seen, wanted, name=name, announcer=announcer)
        plan = await asyncio.to_thread(solved_as_wished, draft, solver=solver)
        async with desk.parts.work.begin() as connection:
            if await keep_again(connection, seen, draft, plan=plan):
                found = await groups.one(connection, seen.incident_id)
                assert found is not None  # noqa: S101 - it has just been planned
                await audit.add(connection, who, [Look(action="plan.wishes")])
                return found


def _add_sending(routes: APIRouter, desk: Desk) -> None:
    owner = desk.caller.having(*OWNERS)

    @routes.post("/{incident_id}/plan/confirmation", status_code=202, responses={412: {}, 428: {}})
    async def confirm_plan(
        incident_id: UUID, *, who: Annotated[Caller, Depends(owner)], if_match: Match = None
    ) -> SentPlan:
        """Ask for everybody; whoever's place is gone meanwhile is routed like any case."""
        seen = _seen(incident_id, who, if_match)
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            try:
                sent = await confirm(connection, seen, announcer=announcer, role=who.role)
            except tuple(_REFUSED) as refused:
                raise _refusal(refused) from None
            await audit.add(connection, who, [Look(action="plan.confirmation")])
        await desk.parts.wake_relay()
        return SentPlan(as_planned=sent.as_planned, moved=sent.moved)


def _seen(incident_id: UUID, who: Caller, if_match: str | None) -> Gathering:
    if if_match is None:
        raise Refusal(428, "precondition_required", "Give If-Match with the plan you have seen")
    version = int(if_match.strip('"'))
    return Gathering(
        incident_id=incident_id, owner=who.organisation, state="planned", version=version
    )


def _wanted(wishes: Wishes) -> Wanted:
    def named(some: Sequence[Wish]) -> list[wishing.Wish]:
        return [wishing.Wish(str(one.case), one.service, one.organisation) for one in some]

    return Wanted(
        pinned=named(wishes.pinned),
        forbidden=named(wishes.forbidden),
        parted=[str(one) for one in wishes.parted],
    )


def _shown(desk: Desk, who: Caller, found: Gathering, *, response: Response, lang: str) -> Proposal:
    if found.version:
        response.headers["ETag"] = f'"{found.version}"'
    return proposal_of(found, partial(desk.case_name, organisation=who.organisation), lang)


def _looked(found: Gathering | None) -> Look:
    return Look(action="plan", outcome="shown" if found else "not_found", shown=int(bool(found)))


def _not_found() -> Refusal:
    return Refusal(404, "not_found", "No plan of yours waits under this id")


def _refusal(error: Exception) -> Refusal:
    return _REFUSED[type(error)](error)


def _unheard(error: Any) -> Refusal:
    field = ".".join(str(one) for one in (error.field, error.at, error.part) if one != "")
    return rules_broken(Violation(field=field, rule=error.rule))


_REFUSED: Mapping[type[Exception], Callable[[Exception], Refusal]] = {
    NoPlanWaits: lambda _: _not_found(),
    PlannedMeanwhile: lambda _: Refusal(412, "changed_meanwhile", "There is another plan by now"),
    Unheard: _unheard,
}
