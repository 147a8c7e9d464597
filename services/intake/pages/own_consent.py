"""The page on which an owner hears the person again: what she agrees to now, and what she takes back."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.web import Typed
from contracts.callers import Caller
from contracts.vocabulary import codes
from services.intake.pages.acting import Act, Sent, act_once, done, own_number
from services.intake.pages.answers import Answers
from services.intake.pages.own_cases import Fault, key_of, recipients, see_case, too_late
from services.intake.pages.questions import ANSWERS, CONSENT, RECIPIENTS
from services.intake.pages.standing import Desk
from services.intake.use_cases.hearing_consent import Heard, hear_consent

DECIDE: Final = "consent.decide"


def add_own_consent(routes: APIRouter, desk: Desk) -> None:
    """`/mine/{case_id}/consent`, read aloud and answered."""
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.get("/mine/{case_id}/consent")
    async def ask(request: Request, case_id: UUID, who: visitor) -> HTMLResponse:
        return await _shown(desk, request, case_id, who=who)

    @routes.post("/mine/{case_id}/consent")
    async def hear(request: Request, case_id: UUID, who: sender) -> Response:
        said = await request.form()
        answers = Answers.read(said.multi_items())
        rule = _fault(answers)
        if rule is None:
            sent = Sent(request=request, who=who, said=said, action=DECIDE)
            heard = _heard(answers, request=request, who=who)
            rule = await act_once(desk, sent, _act(desk, case_id, heard))
        if rule is None:
            return done(request, f"/mine/{case_id}")
        fault = Fault(form="consent", rule=rule)
        return await _shown(desk, request, case_id, who=who, fault=fault, answers=answers)

    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        fault, answers = too_late(typed), Answers.read(typed.said.multi_items())
        case_id = typed.at["case_id"]
        return await _shown(desk, request, case_id, who=who, fault=fault, answers=answers)

    desk.entrance.shows("/mine/{case_id:uuid}/consent", show_again)


def _act(desk: Desk, case_id: UUID, heard: Heard) -> Act[str]:
    async def do(connection: AsyncConnection, _: str) -> bool:
        among = [recipients(one) for one in RECIPIENTS]
        return await hear_consent(connection, case_id, heard, among=among, by=desk.discloser)

    return Act(find=own_number(heard.owner, case_id), do=do)


def _heard(answers: Answers, *, request: Request, who: Caller) -> Heard:
    said = {one.kind: answers.one(one.name) for one in RECIPIENTS if answers.one(one.name)}
    return Heard(
        answers=said,
        by=answers.one("authority"),
        owner=who.organisation,
        trace=request.scope.get("siraba.hop"),
    )


def _fault(answers: Answers) -> str | None:
    said = [answers.one(one.name) for one in RECIPIENTS if answers.one(one.name)]
    if not said or not {*said} <= {*ANSWERS}:
        return "needed"
    return None if answers.one("authority") in codes("consent_authority") else "authority"


async def _shown(
    desk: Desk,
    request: Request,
    case_id: UUID,
    *,
    who: Caller,
    fault: Fault | None = None,
    answers: Answers | None = None,
) -> HTMLResponse:
    return desk.render(
        request,
        "own_consent.html",
        who,
        status=fault.status if fault else 200,
        case=await see_case(desk, case_id, who=who),
        step=CONSENT,
        fault=fault,
        # As the pieces of the intake form take them.
        faults={"authority": "needed"} if fault and fault.rule == "authority" else {},
        filling={"answers": answers or Answers({})},
        key=key_of(fault, desk),
    )
