"""The page on which whoever answers for an incident sees where each person would go, changes it, and sends it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis import audit
from chassis.audit import Look
from chassis.web import Refusal, Typed
from chassis.web.pages import language_of
from contracts.callers import Caller
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.pages.plan_form import PlanForm, faults_of, read_form, said_in, wanted_of
from services.referral.pages.standing import DeskPages
from services.referral.use_cases.desk_work import OWNERS
from services.referral.use_cases.planning import NoPlanWaits, PlannedMeanwhile, confirm, keep_again
from services.referral.use_cases.seeing_plans import SeenPlan, see_plan
from services.referral.use_cases.sending_once import SentBefore, comes_first, is_new
from services.referral.use_cases.wishing import Unheard, solved_as_wished, wish

#: The session was over when the form came; a wish cannot be kept.
LATE, UNHEARD = "late", "unheard"
FAULTS: Final[dict[type[Exception], str]] = {
    Unheard: UNHEARD,
    PlannedMeanwhile: "changed",
    NoPlanWaits: "gone",
    SentBefore: "sent_before",
}
WISHES, SENDING = "wishes", "sending"
Deed = Callable[[DeskPages, PlanForm], Awaitable[None]]


class _ChangedMeanwhile(Exception):
    """Who belongs to the incident, or what is known of them: it is read and solved again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A form that did nothing. fault: why; error: what it met."""

    form: PlanForm
    fault: str
    error: Exception | None = None


def add_plans(app: FastAPI, desk: DeskPages) -> None:
    """`/plans/{incident_id}`, to which the desk and the page of those found together lead."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.get("/plans/{incident_id}")
    async def show_plan(request: Request, incident_id: UUID, who: visitor) -> HTMLResponse:
        return await _shown(desk, request, incident_id, who=who)

    @routes.post("/plans/{incident_id}/wishes")
    async def wish_for_plan(request: Request, incident_id: UUID, who: sender) -> Response:
        form = await _form(desk, request, incident_id, who=who)
        return await _answered(desk, request, form, deed=_plan_again, name=WISHES)

    @routes.post("/plans/{incident_id}/sending")
    async def send_plan(request: Request, incident_id: UUID, who: sender) -> Response:
        form = await _form(desk, request, incident_id, who=who)
        return await _answered(desk, request, form, deed=_send, name=SENDING)

    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        incident_id = typed.at["incident_id"]
        form = read_form(incident_id, typed.said.multi_items(), who=who, digest=b"")
        refused = Refused(form=form, fault=LATE)
        return await _shown(desk, request, incident_id, who=who, refused=refused)

    desk.entrance.shows("/plans/{incident_id:uuid}/wishes", show_again)
    app.include_router(routes)


async def _form(desk: DeskPages, request: Request, incident_id: UUID, *, who: Caller) -> PlanForm:
    """Raises Refusal without the page's key, after saying that there is nothing where there is none."""
    who.require(*OWNERS)
    said = (await request.form()).multi_items()
    digest = desk.entrance.digest_of(said)
    try:
        return read_form(incident_id, said, who=who, digest=digest)
    except Refusal:
        await _plan(desk, request, incident_id, who=who)
        raise


async def _answered(
    desk: DeskPages, request: Request, form: PlanForm, *, deed: Deed, name: str
) -> Response:
    try:
        await deed(desk, form)
    except tuple(FAULTS) as error:
        look = Look(action=f"plan.{name}", outcome="refused", shown=0)
        await desk.parts.reads.auditor.record(form.who, look)
        refused = Refused(form=form, fault=FAULTS[type(error)], error=error)
        return await _shown(desk, request, form.incident_id, who=form.who, refused=refused)
    await desk.parts.wake_relay()
    here = f"{request.scope.get('root_path', '')}/plans/{form.incident_id}"
    return RedirectResponse(f"{here}?done={name}", status_code=303)


async def _plan_again(desk: DeskPages, form: PlanForm) -> None:
    """Solved while no transaction is open; what has changed meanwhile is read and solved again."""
    while True:
        try:
            return await _plan_once(desk, form)
        except _ChangedMeanwhile:
            continue


async def _plan_once(desk: DeskPages, form: PlanForm) -> None:
    wanted, once = wanted_of(form.said), form.once(WISHES)
    async with desk.parts.work.begin() as connection:
        if not await is_new(connection, once):
            return
        announcer = await desk.announcer(connection)
        draft = await wish(connection, form.seen, wanted, name=str, announcer=announcer)
    plan = await asyncio.to_thread(solved_as_wished, draft, solver=HighsSolver())
    async with desk.parts.work.begin() as connection:
        if not await comes_first(connection, once):
            return
        if not await keep_again(connection, form.seen, draft, plan=plan):
            raise _ChangedMeanwhile  # and the key is free again
        await audit.add(connection, form.who, [Look(action="plan.wishes")])


async def _send(desk: DeskPages, form: PlanForm) -> None:
    async with desk.parts.work.begin() as connection:
        if not await comes_first(connection, form.once(SENDING)):
            return
        announcer = await desk.announcer(connection)
        await confirm(connection, form.seen, announcer=announcer, role=form.who.role)
        await audit.add(connection, form.who, [Look(action="plan.confirmation")])


async def _plan(desk: DeskPages, request: Request, incident_id: UUID, *, who: Caller) -> SeenPlan:
    who.require(*OWNERS)
    async with desk.parts.work.begin() as connection:
        plan = await see_plan(
            connection,
            incident_id,
            who=who,
            announcer=await desk.announcer(connection),
            language=language_of(request),
        )
    if plan is None:
        raise Refusal(404, "not_found", "No plan of your organisation waits under this id")
    return plan


async def _shown(
    desk: DeskPages,
    request: Request,
    incident_id: UUID,
    *,
    who: Caller,
    refused: Refused | None = None,
) -> HTMLResponse:
    plan = await _plan(desk, request, incident_id, who=who)
    fault = refused.fault if refused else ""
    said = said_in(plan.found.wishes)
    faults: Mapping[str, str] = {}
    if refused and fault in (LATE, UNHEARD):
        said = refused.form.said
    if refused and isinstance(refused.error, Unheard):
        faults = faults_of(said, refused.error, language_of(request))
    context = {
        "plan": plan,
        "first": {one.case_id: one.service for one in [*plan.left, *plan.placed][::-1]},
        "said": said,
        "faults": faults,
        "fault": fault,
        "key": desk.parts.mint.message_id(),
        "done": request.query_params.get("done"),
    }
    status = {"": 200, LATE: 200, UNHEARD: 422}.get(fault, 409)
    return desk.pages.render(request, "plan.html", context, status=status)
