"""HTTP in: an owner sees of whom it has to ask how she is, and says what came of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from chassis.audit import Look
from chassis.web import BearerCaller, Refusal, Shown
from contracts.callers import Caller
from contracts.vocabulary import Term
from services.intake.api.consents import ConsentDesk
from services.intake.store import followups
from services.intake.use_cases.following_up import finish_followup


class FollowupOutcome(BaseModel):
    """How the person is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    outcome: Annotated[str, Term("followup_outcome")]


class Followup(Shown):
    """One follow-up of a case of ours, so many days after its registration."""

    followup_id: UUID
    number: str
    after_days: int
    due_at: datetime
    outcome: str | None
    done_at: datetime | None


class Followups(Shown):
    """The 200 that are due longest, and after them, where asked for, what is done."""

    followups: list[Followup]


def followup_router(desk: ConsentDesk) -> APIRouter:
    """The routes; every one needs a token of the organisation that owns the case."""
    routes = APIRouter(tags=["followups"])
    caller = desk.caller.having("officer", "case_owner", "focal_point")
    _add_list(routes, desk, caller)
    _add_outcome(routes, desk, caller)
    return routes


def _add_list(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.get("/followups")
    async def list_followups(
        who: Annotated[Caller, Depends(caller)], done: bool = False
    ) -> Followups:
        """Of whom we have to ask how she is; done: also of whom we have asked."""
        rows = await desk.parts.reads.audited_read(
            who,
            lambda connection: followups.listed(connection, with_done=done),
            lambda found: Look(action="followups", shown=len(found)),
        )
        return Followups.model_validate({"followups": rows})


def _add_outcome(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/followups/{followup_id}/outcome", status_code=204)
    async def finish(
        followup_id: UUID,
        request: Request,
        *,
        body: FollowupOutcome,
        who: Annotated[Caller, Depends(caller)],
    ) -> None:
        """Say what came of it, once."""
        async with desk.parts.work.begin() as connection:
            done = await finish_followup(
                connection,
                who,
                followup_id,
                outcome=body.outcome,
                trace=request.scope.get("siraba.hop"),
                by=desk.discloser,
            )
        if not done:
            raise Refusal(404, "not_found", "No such follow-up of your organisation is open")
        await desk.parts.wake_relay()
