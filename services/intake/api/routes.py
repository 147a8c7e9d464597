"""HTTP in: register a case, see one's own; table error → problem at the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from pydantic import StringConstraints, TypeAdapter, ValidationError

from chassis.assembly import Parts
from chassis.audit import Look
from chassis.web import (
    BearerCaller,
    Refusal,
    Shown,
    Violation,
    add_api,
    key_missing,
    quick_route,
    rules_broken,
)
from contracts.callers import Caller, RoleForbidden, TokenRefused
from contracts.case_number import is_case_number
from contracts.form import CaseSubmission
from contracts.intake import CodedCase
from services.intake import domain
from services.intake.api.registrar import Registrar
from services.intake.store import cases
from services.intake.use_cases.owning import see_own_case
from services.intake.use_cases.registering import Answer, Submitted

Key = Annotated[str, StringConstraints(min_length=8, max_length=200, pattern=r"^[!-~]+$")]
_KEY = TypeAdapter[str](Key)


class CaseAccepted(Shown):
    """The number to write down; the case is on its way."""

    case_number: str
    registered_on: date


class Step(Shown):
    """One step of one referral of the case."""

    referral_id: UUID
    organisation: str
    service: str
    step: str
    at: datetime
    reason: str | None


class Unplaced(Shown):
    """A service that nobody takes on: please act. unplaced_id: by which referral takes a decision."""

    service: str
    reason: str
    unplaced_id: UUID | None
    at: datetime


class Proceeding(Shown):
    """Where a file of the police or of justice stands since that day, and when it is heard."""

    organisation: str
    state: str
    on: date
    next_hearing_on: date | None


class Threat(Shown):
    """Somebody threatens the person: who warned of what, and when."""

    organisation: str
    threat: str
    threat_source: str | None
    urgency: str
    on: date
    at: datetime


class OwnCase(Shown):
    """A case as its owner sees it; who it is about is not shown here.

    merged: numbers of cases of the same person, whose steps and services are among these.
    incident_id: the incident in which she was found, if among others. closure: why it is closed.
    """

    number: str
    registered_at: datetime
    facts: CodedCase
    incident_id: UUID | None
    merged_into: str | None
    merged: list[str]
    closed_at: datetime | None
    closure: str | None
    steps: list[Step]
    unplaced: list[Unplaced]
    proceedings: list[Proceeding]
    threats: list[Threat]


class CaseLine(Shown):
    """One line of the owner's list."""

    number: str
    registered_at: datetime
    closed_at: datetime | None


class OwnCases(Shown):
    """The newest 200, newest first."""

    cases: list[CaseLine]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes stand on."""

    parts: Parts
    registrar: Registrar
    caller: BearerCaller


def add_cases(app: FastAPI, desk: Desk) -> None:
    """The routes; every one needs a token of an organisation of the directory."""
    caller = desk.caller.having("officer", "case_owner", "focal_point")
    _add_submission(app, desk, caller)
    routes = APIRouter(tags=["cases"])
    _add_reads(routes, desk, caller)
    add_api(app, routes)


def _add_submission(app: FastAPI, desk: Desk, caller: BearerCaller) -> None:
    """The one route that must stand a rush: part of no router, each of which costs a request more."""

    async def register(
        request: Request,
        *,
        body: CaseSubmission,
        who: Annotated[Caller, Depends(caller)],
        idempotency_key: Annotated[Key | None, Header()] = None,
    ) -> Response:
        """Register a case; the same key with the same body gets the same answer.

        A repeat is marked by the header `Idempotent-Replayed: true`.
        """
        if idempotency_key is None:
            raise key_missing("idempotency-key", "header")
        return await _registered(desk, request, body, who=who, key=idempotency_key)

    async def register_at_once(request: Request) -> Response | None:
        keys = request.headers.getlist("idempotency-key")
        if len(keys) != 1 or request.headers.getlist("content-type") != ["application/json"]:
            return None
        try:
            who = await caller(request)
            key = _KEY.validate_python(keys[0])
            body = CaseSubmission.model_validate_json(await request.body())
        except (TokenRefused, RoleForbidden, ValidationError):
            return None
        return await _registered(desk, request, body, who=who, key=key)

    app.router.add_api_route(
        "/cases",
        register,
        methods=["POST"],
        status_code=202,
        response_model=CaseAccepted,
        tags=["cases"],
        route_class_override=quick_route(register_at_once),
    )


async def _registered(
    desk: Desk, request: Request, body: CaseSubmission, *, who: Caller, key: str
) -> Response:
    """A ready response passes FastAPI by, which would check and copy what we have just made."""
    raw = await request.body()
    answer = await _told(_submitted(body, request.scope, who, key=key, raw=raw), desk.registrar)
    accepted = CaseAccepted(case_number=answer.case_number, registered_on=answer.registered_on)
    return Response(
        accepted.model_dump_json(),
        status_code=202,
        media_type="application/json",
        headers={"Idempotent-Replayed": "true"} if answer.is_repeated else None,
    )


def _add_reads(routes: APIRouter, desk: Desk, caller: BearerCaller) -> None:
    @routes.get("/cases")
    async def list_own_cases(who: Annotated[Caller, Depends(caller)]) -> OwnCases:
        """The cases my organisation owns."""
        rows = await desk.parts.reads.audited_read(
            who, cases.own_cases, lambda found: Look(action="cases", shown=len(found))
        )
        return OwnCases.model_validate({"cases": rows})

    @routes.get("/cases/{number}")
    async def see_own_case(number: str, who: Annotated[Caller, Depends(caller)]) -> OwnCase:
        """One case of my organisation; somebody else's and one that is not look the same."""
        found = await _own_case(desk, who, number)
        if found is None:
            raise Refusal(404, "not_found", "There is no such case of your organisation")
        return OwnCase.model_validate(found)


async def _own_case(desk: Desk, who: Caller, number: str) -> dict[str, Any] | None:
    if not is_case_number(number):
        return None  # any text may stand in a path, and not all of it can be asked for
    return await see_own_case(
        desk.parts.reads, who, lambda connection: cases.own_case(connection, number)
    )


def _submitted(
    body: CaseSubmission, scope: Mapping[str, Any], who: Caller, *, key: str, raw: bytes
) -> Submitted:
    return Submitted(
        organisation=who.organisation,
        key=key,
        digest=sha256(raw).digest(),
        facts=body,
        dossier={name: dict(fields) for name, fields in body.dossier.items()},
        trace=scope.get("siraba.hop"),
    )


async def _told(submitted: Submitted, registrar: Registrar) -> Answer:
    try:
        return await registrar.register(submitted)
    except domain.Refused as refused:
        raise PROBLEMS[type(refused)]() from None


def _key_reused() -> Refusal:
    return Refusal(
        422,
        "idempotency_key_reused",
        "This key was used before with another body",
        errors=[Violation(field="idempotency-key", rule="same_body", place="header")],
    )


def _detected_in_future() -> Refusal:
    return rules_broken(Violation(field="detected_on", rule="not_in_future", place="body"))


def _erased() -> Refusal:
    return Refusal(410, "erased", "The case that this key registered was erased")


PROBLEMS: dict[type[domain.Refused], Callable[[], Refusal]] = {
    domain.DetectedInFuture: _detected_in_future,
    domain.Erased: _erased,
    domain.KeyReused: _key_reused,
}
