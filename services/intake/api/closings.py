"""HTTP in: the owner of a case closes it with a reason, and takes it up again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.web import BearerCaller, Refusal, Shown, Violation
from contracts.callers import Caller
from contracts.vocabulary import Term
from services.intake.api.access import Problems, on_record
from services.intake.api.consents import ConsentDesk, case_is_closed, checked, no_such_case
from services.intake.domain.closing import (
    CaseIsClosed,
    NotClosed,
    NowhereToAsk,
    OfferPending,
    ServiceUnderWay,
)
from services.intake.domain.returns import ArrivedInFuture, NoSuchReturn
from services.intake.use_cases.closing import CLOSE, REOPEN, close_case, reopen_case
from services.intake.use_cases.transferring import Acting

Came = TypeVar("Came")
STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Closure(BaseModel):
    """Why nobody takes care of the person any more.

    ends_services: services that have begun end with the case; without it such a case stays open.
    """

    model_config = STRICT

    reason: Annotated[str, Term("closure_reason")]
    ends_services: StrictBool = False


class Reopening(BaseModel):
    """Why somebody takes care of the person again, and what somebody is to be asked for."""

    model_config = STRICT

    reason: Annotated[str, Term("reopening_reason")]
    needs: Annotated[tuple[Annotated[str, Term("service")], ...], Field(max_length=21)] = ()


class CaseClosed(Shown):
    """The case, and all that is merged with it, is closed since that day."""

    case_number: str
    closed_on: date


class CaseReopened(Shown):
    """The case, and all that is merged with it, is open again since that day."""

    case_number: str
    reopened_on: date


def closing_router(desk: ConsentDesk) -> APIRouter:
    """The routes; every one needs a token of the organisation that owns the case."""
    routes = APIRouter(tags=["closing"])
    caller = desk.caller.having("case_owner", "focal_point")
    _add_closure(routes, desk, caller)
    _add_reopening(routes, desk, caller)
    return routes


def _add_closure(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/cases/{number}/closure")
    async def close(
        number: str, request: Request, *, body: Closure, who: Annotated[Caller, Depends(caller)]
    ) -> CaseClosed:
        """End the case: what is open of it is taken back, and nobody is asked any more."""
        async with acted(desk, who, CLOSE) as connection:
            closed_on = await close_case(
                connection,
                acting(request, who),
                checked(number),
                reason=body.reason,
                ends_services=body.ends_services,
                by=desk.discloser,
            )
        day = await done(desk, closed_on)
        return CaseClosed(case_number=number, closed_on=day)


def _add_reopening(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/cases/{number}/reopening")
    async def reopen(
        number: str, request: Request, *, body: Reopening, who: Annotated[Caller, Depends(caller)]
    ) -> CaseReopened:
        """Take the case up again: somebody is asked for the needs that are named here."""
        async with acted(desk, who, REOPEN) as connection:
            reopened_on = await reopen_case(
                connection,
                acting(request, who),
                checked(number),
                reason=body.reason,
                needs=tuple(dict.fromkeys(body.needs)),
                by=desk.discloser,
            )
        day = await done(desk, reopened_on)
        return CaseReopened(case_number=number, reopened_on=day)


@asynccontextmanager
async def acted(desk: ConsentDesk, who: Caller, action: str) -> AsyncIterator[AsyncConnection]:
    """A transaction in which an owner does something to a person's cases; refused by `PROBLEMS`."""
    async with (
        on_record(desk.parts, who, action, problems=PROBLEMS),
        desk.parts.work.begin() as connection,
    ):
        yield connection


async def done(desk: ConsentDesk, came: Came | None) -> Came:
    """What came of it goes on its way. Raises `Refusal` where the caller owns no such case."""
    if came is None:
        raise no_such_case()
    await desk.parts.wake_relay()
    return came


def acting(request: Request, who: Caller) -> Acting:
    """The caller, and the trace of the request."""
    return Acting(who=who, trace=request.scope.get("siraba.hop"))


PROBLEMS: Problems = {
    CaseIsClosed: case_is_closed,
    ArrivedInFuture: lambda: Refusal(
        422,
        "invalid_request",
        "Nobody has arrived on a day that is still to come",
        errors=[Violation(field="completed_on", rule="not_in_future", place="body")],
    ),
    NoSuchReturn: lambda: Refusal(404, "not_found", "No such return of this person is planned"),
    NotClosed: lambda: Refusal(409, "case_open", "The case is open"),
    OfferPending: lambda: Refusal(
        409, "pending", "An offer of this case to another owner is open: withdraw it"
    ),
    ServiceUnderWay: lambda: Refusal(
        409,
        "service_under_way",
        "A service has begun: let it end, or say that it ends with the case",
    ),
    NowhereToAsk: lambda: Refusal(
        422,
        "invalid_request",
        "A case without region and urgency asks nobody",
        errors=[Violation(field="needs", rule="place_and_urgency", place="body")],
    ),
}
