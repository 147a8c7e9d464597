"""HTTP in: the owner records what was decided, and sees who has not confirmed a withdrawal yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ConfigDict

from chassis.assembly import Parts
from chassis.audit import Look
from chassis.identity import Caller
from chassis.web import BearerCaller, Refusal, Shown
from contracts.case_number import is_case_number
from contracts.intake import Consent, Scope
from contracts.vocabulary import Term
from services.intake.store import consents
from services.intake.use_cases.consenting import Decided, decide_consent
from services.intake.use_cases.disclosing import Discloser

STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Decision(Consent):
    """One line: who may, or may not, be told for which purpose, and who said so."""

    model_config = STRICT


class Withdrawal(Scope):
    """A yes is taken back for these recipients and this purpose; what is left out means all."""

    model_config = STRICT

    by: Annotated[str, Term("consent_authority")]


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


class Lines(Shown):
    """Everything that was ever decided about a case, in the order in which it was said."""

    consents: list[Line]


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
        return Lines.model_validate({"consents": found[1]})

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
    async with desk.parts.work.begin() as connection:
        case_id = await consents.own_case(connection, checked(number), owner=who.organisation)
        if case_id is None:
            raise no_such_case()
        done = await decide_consent(connection, case_id, decided, by=desk.discloser)
    await desk.parts.wake_relay()
    return Recorded(decision_id=done.decision_id, at=done.at, told=list(done.told))


def checked(number: str) -> str:
    """Any text may stand in a path, and not all of it can be asked for."""
    if not is_case_number(number):
        raise no_such_case()
    return number


def no_such_case() -> Refusal:
    """Somebody else's case and one that is not look the same."""
    return Refusal(404, "not_found", "There is no such case of your organisation")
