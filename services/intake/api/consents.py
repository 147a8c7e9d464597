"""HTTP in: the owner records what was decided, and sees who has not confirmed a withdrawal yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.audit import Look
from chassis.web import BearerCaller, Refusal, Shown
from contracts.callers import Caller
from contracts.case_number import is_case_number
from contracts.intake import Basis, Consent, Scope
from contracts.vocabulary import Term
from services.intake.api.access import Problems, on_record
from services.intake.domain.closing import CaseIsClosed
from services.intake.store import consents, merges
from services.intake.use_cases.consenting import Decided, decide_consent
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.grounding import Grounded, record_ground

DECIDE, GROUND = "consent.decide", "ground.record"
STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Decision(Consent):
    """One line: who may, or may not, be told for which purpose, and who said so."""

    model_config = STRICT


class Withdrawal(Scope):
    """A yes is taken back for these recipients and this purpose; what is left out means all."""

    model_config = STRICT

    by: Annotated[str, Term("consent_authority")]


class Ground(Basis):
    """What else carries a disclosure, for whom and for which purpose; an officer answers for it."""

    model_config = STRICT


class Recorded(Shown):
    """The decision counts from `at`. told: organisations that hear of it and must confirm."""

    decision_id: UUID
    at: datetime
    told: list[str]


class Line(Consent):
    """A decision with its moment; those of the registration have no id of their own."""

    decision_id: UUID | None
    at: datetime
    recorded_by: str | None = None


class GroundLine(Basis):
    """A ground with its moment; those of the registration have no id of their own."""

    decision_id: UUID | None
    at: datetime
    recorded_by: str | None = None


class Lines(Shown):
    """Everything that was ever decided about a case, in the order in which it was said."""

    consents: list[Line]
    grounds: list[GroundLine]


class OpenAcknowledgement(Shown):
    """A withdrawal that a recipient has not confirmed; age in seconds since it was told."""

    number: str
    organisation: str
    referral_id: UUID
    withdrawal_id: UUID
    told_at: datetime
    age_seconds: float


class OpenAcknowledgements(Shown):
    """The 1,000 oldest, oldest first."""

    acknowledgements: list[OpenAcknowledgement]


@dataclass(frozen=True, slots=True)
class ConsentDesk:
    """What the routes stand on."""

    parts: Parts
    discloser: Discloser
    caller: BearerCaller


def consent_router(desk: ConsentDesk) -> APIRouter:
    """The routes; every one needs a token of the organisation that owns the case."""
    routes = APIRouter(tags=["consent"])
    caller = desk.caller.having("officer", "case_owner", "focal_point")

    @routes.post("/cases/{number}/consents", status_code=201)
    async def decide(
        number: str, request: Request, *, body: Decision, who: Annotated[Caller, Depends(caller)]
    ) -> Recorded:
        """Record a yes or a no; it counts at once."""
        line = Consent.model_validate(body.model_dump())
        return await _record(desk, number, line, request=request, who=who, is_withdrawal=False)

    @routes.post("/cases/{number}/consents/withdrawals", status_code=201)
    async def withdraw(
        number: str, request: Request, *, body: Withdrawal, who: Annotated[Caller, Depends(caller)]
    ) -> Recorded:
        """Take a yes back: what rested on it alone leaves the feeds within seconds."""
        line = Consent.model_validate({**body.model_dump(), "state": "refused"})
        return await _record(desk, number, line, request=request, who=who, is_withdrawal=True)

    @routes.post("/cases/{number}/grounds", status_code=201)
    async def add_ground(
        number: str, request: Request, *, body: Ground, who: Annotated[Caller, Depends(caller)]
    ) -> Recorded:
        """Record a ground other than consent, such as a court's order; it counts at once."""
        line = Basis.model_validate(body.model_dump())
        return await _ground(desk, number, line, request=request, who=who)

    _add_reads(routes, desk, caller)
    return routes


def _add_reads(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.get("/cases/{number}/consents")
    async def list_consents(number: str, who: Annotated[Caller, Depends(caller)]) -> Lines:
        """What was decided about one case of my organisation."""
        found = await desk.parts.reads.audited_read(
            who,
            lambda connection: consents.listed(connection, checked(number)),
            lambda found: Look(
                action="consents.listed",
                case_id=found[0] if found else None,
                outcome="shown" if found else "not_found",
                shown=int(found is not None),
            ),
        )
        if found is None:
            raise no_such_case()
        consent = [line for line in found[1] if line.get("ground") is None]
        grounds = [line for line in found[1] if line.get("ground") is not None]
        return Lines.model_validate({"consents": consent, "grounds": grounds})

    @routes.get("/acknowledgements")
    async def list_open(who: Annotated[Caller, Depends(caller)]) -> OpenAcknowledgements:
        """Withdrawals in cases of my organisation that somebody has not confirmed yet."""
        found: list[dict[str, Any]] = await desk.parts.reads.audited_read(
            who,
            consents.open_acknowledgements,
            lambda found: Look(action="acknowledgements.listed", shown=len(found)),
        )
        return OpenAcknowledgements.model_validate({"acknowledgements": found})


async def _record(
    desk: ConsentDesk,
    number: str,
    line: Consent,
    *,
    request: Request,
    who: Caller,
    is_withdrawal: bool,
) -> Recorded:
    decided = Decided(
        line=line,
        owner=who.organisation,
        is_withdrawal=is_withdrawal,
        trace=request.scope.get("siraba.hop"),
    )
    async with (
        on_record(desk.parts, who, DECIDE, problems=PROBLEMS),
        desk.parts.work.begin() as connection,
    ):
        # A merge gives a case to another owner: none may come between here and the decision.
        await merges.hold(connection)
        case_id = await _own_case(connection, number, who=who)
        done = await decide_consent(connection, case_id, decided, by=desk.discloser)
    await desk.parts.wake_relay()
    return Recorded(decision_id=done.decision_id, at=done.at, told=list(done.told))


async def _ground(
    desk: ConsentDesk, number: str, line: Basis, *, request: Request, who: Caller
) -> Recorded:
    trace = request.scope.get("siraba.hop")
    grounded = Grounded(line=line, owner=who.organisation, trace=trace)
    async with (
        on_record(desk.parts, who, GROUND, problems=PROBLEMS),
        desk.parts.work.begin() as connection,
    ):
        case_id = await _own_case(connection, number, who=who)
        decision_id, at = await record_ground(connection, case_id, grounded, by=desk.discloser)
    await desk.parts.wake_relay()
    return Recorded(decision_id=decision_id, at=at, told=[])


async def _own_case(connection: AsyncConnection, number: str, *, who: Caller) -> UUID:
    case_id = await consents.own_case(connection, checked(number), owner=who.organisation)
    if case_id is None:
        raise no_such_case()
    return case_id


def checked(number: str) -> str:
    """Any text may stand in a path, and not all of it can be asked for."""
    if not is_case_number(number):
        raise no_such_case()
    return number


def no_such_case() -> Refusal:
    """Somebody else's case and one that is not look the same."""
    return Refusal(404, "not_found", "There is no such case of your organisation")


def case_is_closed() -> Refusal:
    """Of a case that is the caller's own."""
    return Refusal(409, "case_closed", "The case is closed: reopen it first")


PROBLEMS: Problems = {CaseIsClosed: case_is_closed}
