"""The form on which an officer writes down a person just found: screen by screen, sent once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData

from chassis.assembly import Parts
from chassis.audit import Look
from chassis.web import Entrance, Pages, Refusal, Typed, form_key, language_of
from contracts.callers import Caller
from contracts.case_number import is_case_number
from contracts.form import CaseSubmission
from services.intake import domain
from services.intake.pages.answers import Answers, Faults, faults_of, first_fault, shown, submission
from services.intake.pages.questions import RECIPIENTS, REVIEW, STEPS, Step
from services.intake.store import cases
from services.intake.use_cases.registering import Answer, Submitted

Register = Callable[[Submitted], Awaitable[Answer]]
#: What the whole form may be told when it is sent, and by which answer.
FAULTS: Final[dict[type[domain.Refused], tuple[str, int]]] = {
    domain.DetectedInFuture: ("future", 422),
    domain.KeyReused: ("sent_before", 409),
    domain.Erased: ("erased", 410),
}
LATELY: Final = timedelta(days=1)
_BY_NAME: Final = {step.name: step for step in STEPS}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDesk:
    """What the form stands on. register: the same as the API's."""

    parts: Parts
    register: Register
    entrance: Entrance
    pages: Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """A form on its way. key: made with the page, so that it is never a second case."""

    key: UUID
    answers: Answers


def add_form(app: FastAPI, desk: FormDesk) -> None:
    """`/new` with its screens, and `/new/asked` with who is asked."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.get("/new")
    async def begin(request: Request, who: visitor) -> HTMLResponse:
        now = desk.parts.mint.moment()
        answers = Answers({"detected_on": (now.date().isoformat(),)})
        filling = Filling(key=desk.parts.mint.message_id(), answers=answers)
        sent = await _sent_lately(desk, who, since=now - LATELY)
        return show_screen(desk, request, filling, step=STEPS[0], sent=sent)

    @routes.post("/new")
    async def go_on(request: Request, who: sender) -> HTMLResponse:
        form = await request.form()
        here, filling = _step(form.get("step")), _filling(form)
        if form.get("go") == "send":
            return await _sent(desk, request, filling, who=who)
        there = _step(form.get("go"))
        today = desk.parts.mint.moment().date()
        faults = faults_of(here, filling.answers, today=today)
        if faults and STEPS.index(there) > STEPS.index(here):
            return show_screen(desk, request, filling, step=here, faults=faults)
        return show_screen(desk, request, filling, step=there)

    @routes.post("/new/asked")
    async def look_again(request: Request, who: sender) -> HTMLResponse:
        number = (await request.form()).get("number")
        return await _asked(desk, request, str(number), who=who)

    async def show_again(request: Request, _: Caller, typed: Typed) -> HTMLResponse:
        return show_screen(desk, request, _filling(typed.said), step=_step(typed.said.get("step")))

    desk.entrance.shows("/new", show_again)
    app.include_router(routes)


async def _sent(desk: FormDesk, request: Request, filling: Filling, *, who: Caller) -> HTMLResponse:
    """The same use case as the API's; a second sending gets the first one's answer."""
    answers = filling.answers
    lacking = first_fault(answers, today=desk.parts.mint.moment().date())
    if lacking:
        return show_screen(desk, request, filling, step=lacking[0], faults=lacking[1])
    case = submission(answers)
    if case is None:
        return show_screen(desk, request, filling, step=REVIEW, faults={"form": "refused"})
    submitted = to_submit(request, case, key=filling.key, who=who)
    try:
        answer = await desk.register(submitted)
    except domain.Refused as refused:
        rule, status = FAULTS[type(refused)]
        return show_screen(
            desk, request, filling, step=REVIEW, faults={"form": rule}, status=status
        )
    return await _asked(desk, request, answer.case_number, who=who)


def to_submit(request: Request, case: CaseSubmission, *, key: UUID, who: Caller) -> Submitted:
    """What the use case takes; the same answers under the same key are the same case."""
    return Submitted(
        organisation=who.organisation,
        key=str(key),
        digest=sha256(case.model_dump_json().encode()).digest(),
        facts=case,
        dossier={name: dict(fields) for name, fields in case.dossier.items()},
        trace=request.scope.get("siraba.hop"),
    )


async def _asked(desk: FormDesk, request: Request, number: str, *, who: Caller) -> HTMLResponse:
    """The case's number and whom it went to; somebody else's case and none look the same."""
    found = None
    if is_case_number(number):
        found = await desk.parts.reads.audited_read(
            who, lambda connection: cases.own_case(connection, number), _looked_at
        )
    if found is None:
        raise Refusal(404, "not_found", "There is no such case of your organisation")
    return desk.pages.render(request, "sent.html", {"case": found})


async def _sent_lately(
    desk: FormDesk, who: Caller, *, since: datetime
) -> Sequence[Mapping[str, Any]]:
    """For whoever does not know whether a form arrived before the browser or the line went."""
    return await desk.parts.reads.audited_read(
        who,
        lambda connection: cases.sent_lately(connection, since=since),
        lambda found: Look(action="cases", shown=len(found)),
    )


def _looked_at(found: Any) -> Look:
    if found is None:
        return Look(action="case", outcome="not_found", shown=0)
    return Look(action="case", case_id=found["case_id"], parts=("steps",))


def show_screen(
    desk: FormDesk,
    request: Request,
    filling: Filling,
    *,
    step: Step,
    faults: Faults | None = None,
    status: int = 422,
    sent: Sequence[Mapping[str, Any]] = (),
) -> HTMLResponse:
    """One screen of the form with what was answered so far. status: of one with faults."""
    at = STEPS.index(step)
    language = language_of(request)
    context = {
        "step": step,
        "steps": STEPS,
        "at": at,
        "filling": filling,
        "faults": faults or {},
        "recipients": RECIPIENTS,
        "consents": _by_consent(filling.answers),
        "sent": sent,
        "today": desk.parts.mint.moment().date().isoformat(),
        "shown": lambda question: shown(question, filling.answers, language),
    }
    return desk.pages.render(request, "new.html", context, status=status if faults else 200)


def _by_consent(answers: Answers) -> Mapping[str, list[str]]:
    """What was said → the kinds of recipients; “” for those of whom nobody asked."""
    found: dict[str, list[str]] = {}
    for one in RECIPIENTS:
        found.setdefault(answers.one(one.name), []).append(one.kind)
    return found


def _filling(form: FormData) -> Filling:
    return Filling(key=form_key(form), answers=Answers.read(form.multi_items()))


def _step(name: object) -> Step:
    """Raises Refusal for a screen that the form does not have."""
    if not isinstance(name, str) or name not in _BY_NAME:
        raise Refusal(422, "invalid_request", "The form has no such screen")
    return _BY_NAME[name]
