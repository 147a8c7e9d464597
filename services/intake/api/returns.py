"""HTTP in: the owner of a case plans the person's way home, and says that she has arrived."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StrictBool

from chassis.audit import Look
from chassis.web import BearerCaller, Shown
from contracts.callers import Caller
from contracts.times import Day
from contracts.vocabulary import Term
from services.intake.api.closings import STRICT, acted, acting, done
from services.intake.api.consents import ConsentDesk, checked
from services.intake.domain.returns import Return
from services.intake.store import returns
from services.intake.use_cases.returning import COMPLETE, PLAN, complete_return, plan_return


class ReturnPlan(BaseModel):
    """From where to where, whether the person wants it, and whether its risk was assessed."""

    model_config = STRICT

    return_type: Annotated[str, Term("return_type")]
    is_voluntary: StrictBool
    is_risk_assessed: StrictBool
    planned_for: Day


class Arrival(BaseModel):
    """The day on which the person arrived."""

    model_config = STRICT

    completed_on: Day


class PlannedReturn(Shown):
    """A return of a person whose case is ours; `completed_on` once she has arrived."""

    return_id: UUID
    number: str
    return_type: str
    is_voluntary: bool
    is_risk_assessed: bool
    planned_for: date
    completed_on: date | None


class Returns(Shown):
    """200: what is planned, the soonest first, then what is over."""

    returns: list[PlannedReturn]


class ReturnKept(Shown):
    """It is planned, under this id."""

    return_id: UUID = Field(description="Say by it that the person has arrived.")


def return_router(desk: ConsentDesk) -> APIRouter:
    """The routes; every one needs a token of the organisation that owns the case."""
    routes = APIRouter(tags=["returns"])
    caller = desk.caller.having("case_owner", "focal_point")
    _add_list(routes, desk, desk.caller.having("officer", "case_owner", "focal_point"))
    _add_plan(routes, desk, caller)
    _add_arrival(routes, desk, caller)
    return routes


def _add_list(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.get("/returns")
    async def list_returns(who: Annotated[Caller, Depends(caller)]) -> Returns:
        """Whose way home is planned, and who has arrived."""
        rows = await desk.parts.reads.audited_read(
            who, returns.listed, lambda found: Look(action="returns", shown=len(found))
        )
        return Returns.model_validate({"returns": rows})


def _add_plan(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/cases/{number}/returns")
    async def plan(
        number: str, request: Request, *, body: ReturnPlan, who: Annotated[Caller, Depends(caller)]
    ) -> ReturnKept:
        """Plan it; a person has one plan at a time, so the next one takes its place."""
        async with acted(desk, who, PLAN) as connection:
            return_id = await plan_return(
                connection,
                acting(request, who),
                checked(number),
                plan=Return(**body.model_dump(exclude={"planned_for"})),
                planned_for=body.planned_for,
                by=desk.discloser,
            )
        return ReturnKept(return_id=await done(desk, return_id))


def _add_arrival(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/cases/{number}/returns/{return_id}/completion", status_code=204)
    async def arrive(
        number: str,
        return_id: UUID,
        request: Request,
        *,
        body: Arrival,
        who: Annotated[Caller, Depends(caller)],
    ) -> None:
        """Say once that the person has arrived."""
        async with acted(desk, who, COMPLETE) as connection:
            day = await complete_return(
                connection,
                acting(request, who),
                checked(number),
                return_id=return_id,
                completed_on=body.completed_on,
                by=desk.discloser,
            )
        await done(desk, day)
