"""What an owner does with a case from its page: how she is, her way home, the end and a new beginning."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from contracts.callers import Caller
from contracts.vocabulary import codes
from services.intake.domain.returns import Return
from services.intake.pages.acting import Act, Sent, act_once, done, own_number
from services.intake.pages.own_cases import Fault, given_in, show_case
from services.intake.pages.standing import Desk
from services.intake.use_cases.closing import CLOSE, REOPEN, close_case, reopen_case
from services.intake.use_cases.following_up import ACTION as FOLLOW_UP
from services.intake.use_cases.following_up import finish_followup
from services.intake.use_cases.returning import COMPLETE, PLAN, complete_return, plan_return
from services.intake.use_cases.transferring import Acting

#: Who answers for a case.
ROLES: Final = ("case_owner", "focal_point")
Do = Callable[[AsyncConnection, str], Awaitable[object]]


def add_case_acts(routes: APIRouter, desk: Desk) -> None:
    """`/mine/{case_id}/followups/…`, `/returns`, `/closing`, `/reopening`."""
    _add_followups(routes, desk)
    _add_returns(routes, desk)
    _add_closing(routes, desk)
    _add_reopening(routes, desk)


async def take(
    desk: Desk, sent: Sent, case_id: UUID, *, form: str, lacks: str | None, do: Do
) -> Response:
    """Do what a form of the case's page asks, once, or show the page with what is wrong with it.

    form: its path; lacks: what is wrong with the answers before anything is asked.
    """
    who = sent.who
    act = Act(find=own_number(who.organisation, case_id), do=do)
    rule = lacks or await act_once(desk, sent, act)
    if rule is None:
        return done(sent.request, f"/mine/{case_id}")
    fault = Fault(form=form, rule=rule, given=given_in(sent.said))
    return await show_case(desk, sent.request, case_id, who=who, fault=fault)


def acting(sent: Sent) -> Acting:
    """The sender, and the trace of the request."""
    return Acting(who=sent.who, trace=sent.request.scope.get("siraba.hop"))


def _add_followups(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/mine/{case_id}/followups/{followup_id}")
    async def say_how(
        request: Request, case_id: UUID, followup_id: UUID, *, who: sender
    ) -> Response:
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=FOLLOW_UP)

        async def do(connection: AsyncConnection, _: str) -> bool:
            return await finish_followup(
                connection,
                who,
                followup_id,
                outcome=str(said["outcome"]),
                trace=acting(sent).trace,
                by=desk.discloser,
            )

        lacks = needs_code(said, "outcome", "followup_outcome")
        return await take(desk, sent, case_id, form=f"followups/{followup_id}", lacks=lacks, do=do)


def _add_returns(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/mine/{case_id}/returns")
    async def plan(request: Request, case_id: UUID, who: sender) -> Response:
        who.require(*ROLES)
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=PLAN)

        async def do(connection: AsyncConnection, number: str) -> object:
            planned, day = _planned(said), date.fromisoformat(str(said["planned_for"]))
            return await plan_return(
                connection, acting(sent), number, plan=planned, planned_for=day, by=desk.discloser
            )

        return await take(desk, sent, case_id, form="returns", lacks=_lacks_of_plan(said), do=do)

    @routes.post("/mine/{case_id}/returns/{return_id}")
    async def arrive(request: Request, case_id: UUID, return_id: UUID, *, who: sender) -> Response:
        who.require(*ROLES)
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=COMPLETE)

        async def do(connection: AsyncConnection, number: str) -> object:
            return await complete_return(
                connection,
                acting(sent),
                number,
                return_id=return_id,
                completed_on=date.fromisoformat(str(said["completed_on"])),
                by=desk.discloser,
            )

        lacks = needs_day(said, "completed_on")
        return await take(desk, sent, case_id, form=f"returns/{return_id}", lacks=lacks, do=do)


def _add_closing(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/mine/{case_id}/closing")
    async def close(request: Request, case_id: UUID, who: sender) -> Response:
        who.require(*ROLES)
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=CLOSE)

        async def do(connection: AsyncConnection, number: str) -> object:
            return await close_case(
                connection,
                acting(sent),
                number,
                reason=str(said["reason"]),
                ends_services=said.get("ends_services") == "yes",
                by=desk.discloser,
            )

        lacks = needs_code(said, "reason", "closure_reason")
        return await take(desk, sent, case_id, form="closing", lacks=lacks, do=do)


def _add_reopening(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/mine/{case_id}/reopening")
    async def reopen(request: Request, case_id: UUID, who: sender) -> Response:
        who.require(*ROLES)
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=REOPEN)
        needs = tuple(dict.fromkeys(map(str, said.getlist("needs"))))

        async def do(connection: AsyncConnection, number: str) -> object:
            return await reopen_case(
                connection,
                acting(sent),
                number,
                reason=str(said["reason"]),
                needs=needs,
                by=desk.discloser,
            )

        lacks = needs_code(said, "reason", "reopening_reason")
        if lacks is None and not {*needs} <= {*codes("service")}:
            lacks = "needed"
        return await take(desk, sent, case_id, form="reopening", lacks=lacks, do=do)


def needs_code(said: FormData, name: str, list_name: str) -> str | None:
    """`needed` where none of the list's codes was chosen."""
    return None if said.get(name) in codes(list_name) else "needed"


def needs_day(said: FormData, name: str) -> str | None:
    """`day` where none was given."""
    try:
        date.fromisoformat(str(said.get(name)))
    except ValueError:
        return "day"
    return None


def _lacks_of_plan(said: FormData) -> str | None:
    has_both = all(said.get(name) in ("yes", "no") for name in ("is_voluntary", "is_risk_assessed"))
    lacks = needs_code(said, "return_type", "return_type") if has_both else "needed"
    return lacks or needs_day(said, "planned_for")


def _planned(said: FormData) -> Return:
    return Return(
        return_type=str(said["return_type"]),
        is_voluntary=said["is_voluntary"] == "yes",
        is_risk_assessed=said["is_risk_assessed"] == "yes",
    )
