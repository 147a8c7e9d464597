"""HTTP in: the owner of a case asks that its person be forgotten, and a second person agrees."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from chassis.assembly import Parts
from chassis.audit import Look
from chassis.web import BearerCaller, Refusal, Shown
from contracts.callers import Caller
from contracts.vocabulary import Term
from services.intake.api.access import on_record
from services.intake.api.consents import checked, no_such_case
from services.intake.store import erasures
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.erasing import ask_erasure, confirm_erasure


class ErasureWish(BaseModel):
    """Why the person is to be forgotten."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    reason: Annotated[str, Term("erasure_reason")]


class ErasureAsked(Shown):
    """Waits for a committee's data officer; nothing is erased before."""

    erasure_id: UUID
    lapses_at: datetime


class ErasureDone(Shown):
    """The dossier cannot be opened any more, and the number leads nowhere."""

    erasure_id: UUID
    erased_on: date


class ErasureLine(Shown):
    """One request; which case it is about is told by whoever asked."""

    erasure_id: UUID
    organisation: str
    reason: str
    asked_at: datetime
    lapses_at: datetime
    erased_at: datetime | None


class Erasures(Shown):
    """The newest 200, newest first."""

    erasures: list[ErasureLine]


@dataclass(frozen=True, slots=True)
class ErasureDesk:
    """What the routes stand on."""

    parts: Parts
    discloser: Discloser
    caller: BearerCaller


def erasure_router(desk: ErasureDesk) -> APIRouter:
    """The routes; the owner's focal point asks, a committee's data officer agrees."""
    routes = APIRouter(tags=["erasure"])
    _add_asking(routes, desk, desk.caller.having("focal_point"))
    _add_agreeing(routes, desk, desk.caller.having("data_officer"))
    _add_list(routes, desk, desk.caller.having("focal_point", "data_officer"))
    return routes


def _add_asking(routes: APIRouter, desk: ErasureDesk, caller: BearerCaller) -> None:
    @routes.post("/cases/{number}/erasure", status_code=201)
    async def ask(
        number: str, body: ErasureWish, who: Annotated[Caller, Depends(caller)]
    ) -> ErasureAsked:
        """Ask that the person of our own case be forgotten for good."""
        checked(number)
        async with (
            on_record(desk.parts, who, "erasure.ask"),
            desk.parts.work.begin() as connection,
        ):
            asked = await ask_erasure(
                connection, who, number, reason=body.reason, by=desk.discloser
            )
        if asked is None:
            raise no_such_case()
        return ErasureAsked(erasure_id=asked.erasure_id, lapses_at=asked.lapses_at)


def _add_agreeing(routes: APIRouter, desk: ErasureDesk, caller: BearerCaller) -> None:
    @routes.post("/erasures/{erasure_id}/confirmation")
    async def confirm(
        erasure_id: UUID, request: Request, who: Annotated[Caller, Depends(caller)]
    ) -> ErasureDone:
        """Agree, as the second person. There is no way back."""
        async with (
            on_record(desk.parts, who, "erasure.confirm"),
            desk.parts.work.begin() as connection,
        ):
            erased_on = await confirm_erasure(
                connection,
                who,
                erasure_id,
                by=desk.discloser,
                trace=request.scope.get("siraba.hop"),
            )
        if erased_on is None:
            raise Refusal(404, "not_found", "There is no such request that is yours to agree to")
        await desk.parts.wake_relay()
        return ErasureDone(erasure_id=erasure_id, erased_on=erased_on)


def _add_list(routes: APIRouter, desk: ErasureDesk, caller: BearerCaller) -> None:
    @routes.get("/erasures")
    async def list_erasures(who: Annotated[Caller, Depends(caller)]) -> Erasures:
        """What we asked for; to a committee, what all asked for."""
        rows = await desk.parts.reads.audited_read(
            who, erasures.listed, lambda found: Look(action="erasures", shown=len(found))
        )
        return Erasures.model_validate({"erasures": rows})
