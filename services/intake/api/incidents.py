"""HTTP in: many persons in one submission, who are registered one after the other; how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import ValidationError

from chassis.audit import Look
from chassis.web import BearerCaller, Refusal, Shown, Throttle, Violation, key_missing
from chassis.web.violations import known_names, violations
from contracts.callers import Caller
from contracts.form import INCIDENT_BYTES, IncidentSubmission, PersonSubmission
from services.intake import domain
from services.intake.api.admitter import Admitter
from services.intake.api.routes import PROBLEMS, Key
from services.intake.store import incidents
from services.intake.use_cases.gathering import Gathered, Opened, look_at_incident, open_incident

LARGER_BODIES = {"/incidents": INCIDENT_BYTES}


class IncidentAccepted(Shown):
    """Everybody is kept; `Location` shows how far their registration is.

    persons: how many will be registered; refused: how many break a rule, and are not kept.
    """

    incident_id: UUID
    persons: int
    refused: int


class RegisteredPerson(Shown):
    """A person by her place in the submission, from 1.

    case_number: None for a case that is not yours any more, or was erased.
    """

    person: int
    case_number: str | None


class BrokenRule(Shown):
    """A field of one person's form, the rule it breaks, and what would have been right."""

    field: str
    rule: str
    list: str | None = None
    allowed: Sequence[str] | None = None
    limit: Mapping[str, int | float] | None = None


class RefusedPerson(Shown):
    """A person by her place in the submission, from 1, who has to be submitted again."""

    person: int
    errors: list[BrokenRule]


class IncidentLine(Shown):
    """One line of the list; done_at: when everybody was registered or refused."""

    incident_id: UUID
    detected_on: date
    region: str | None
    cercle: str | None
    opened_at: datetime
    done_at: datetime | None


class Incident(IncidentLine):
    """How far it is: of `persons`, so many are `registered`, so many are `waiting`."""

    persons: int
    registered: int
    waiting: int
    cases: list[RegisteredPerson]
    refused: list[RefusedPerson]


class Incidents(Shown):
    """The newest 200, newest first."""

    incidents: list[IncidentLine]


@dataclass(frozen=True, slots=True)
class IncidentDesk:
    """What the routes stand on."""

    admitter: Admitter
    caller: BearerCaller
    throttle: Throttle

    async def gather(self, gathered: Gathered) -> Opened:
        """Raises `domain.Refused`, a Refusal where the organisation has had its share."""
        self.throttle.admit(gathered.organisation)
        parts = self.admitter.parts
        async with parts.work.begin() as connection:
            opened = await open_incident(
                connection, gathered, mint=parts.mint, keeping=self.admitter.keeping
            )
        await parts.wake_relay()
        self.admitter.wake()
        return opened


def incident_router(desk: IncidentDesk) -> APIRouter:
    """The routes; whoever may register a case may register many."""
    routes = APIRouter(tags=["incidents"])
    caller = desk.caller.having("officer", "case_owner", "focal_point")

    @routes.post("/incidents", status_code=202)
    async def submit(
        request: Request,
        response: Response,
        *,
        body: IncidentSubmission,
        who: Annotated[Caller, Depends(caller)],
        idempotency_key: Annotated[Key | None, Header()] = None,
    ) -> IncidentAccepted:
        """Submit up to a thousand persons who were found at once; each becomes a case.

        A person whose form breaks a rule is refused alone; where nobody is left, all is refused.
        The same key with the same body gets the same answer, marked by the header
        `Idempotent-Replayed: true`.
        """
        if idempotency_key is None:
            raise key_missing("idempotency-key", "header")
        gathered = _gathered(
            body, who, key=idempotency_key, digest=sha256(await request.body()).digest(),
            trace=request.scope.get("siraba.hop"),
        )  # fmt: skip
        try:
            opened = await desk.gather(gathered)
        except domain.Refused as refused:
            raise PROBLEMS[type(refused)]() from None
        response.headers["Location"] = f"{request.scope['path']}/{opened.incident_id}"
        if opened.is_repeated:
            response.headers["Idempotent-Replayed"] = "true"
        return IncidentAccepted(
            incident_id=opened.incident_id, persons=opened.persons, refused=opened.refused
        )

    _add_reads(routes, desk, caller)
    return routes


def _add_reads(routes: APIRouter, desk: IncidentDesk, caller: BearerCaller) -> None:
    reads = desk.admitter.parts.reads

    @routes.get("/incidents")
    async def list_own_incidents(who: Annotated[Caller, Depends(caller)]) -> Incidents:
        """The incidents that my organisation submitted."""
        rows = await reads.audited_read(
            who, incidents.own_incidents, lambda found: Look(action="incidents", shown=len(found))
        )
        return Incidents.model_validate({"incidents": rows})

    @routes.get("/incidents/{incident_id}")
    async def see_own_incident(
        incident_id: UUID, who: Annotated[Caller, Depends(caller)]
    ) -> Incident:
        """How far the registration is; somebody else's and one that is not look the same."""
        found = await look_at_incident(reads, who, incident_id)
        if found is None:
            raise Refusal(404, "not_found", "There is no such incident of your organisation")
        return _shown(found)


def _gathered(
    body: IncidentSubmission, who: Caller, *, key: str, digest: bytes, trace: str | None
) -> Gathered:
    """Raises `Refusal` where nobody can be registered."""
    good, broken = {}, {}
    for nth, one in enumerate(body.persons, start=1):
        if isinstance(one, PersonSubmission):
            good[nth] = one
        else:
            broken[nth] = _broken(one)
    if not good:
        raise _nobody(broken)
    return Gathered(
        organisation=who.organisation,
        key=key,
        digest=digest,
        detected_on=body.detected_on,
        region=body.region,
        cercle=body.cercle,
        persons=good,
        refused=broken,
        trace=trace,
    )


def _broken(form: Mapping[str, Any]) -> list[Violation]:
    """What keeps this from being a person's form, without a word of what was written."""
    try:
        PersonSubmission.model_validate(form)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        return violations([one | {"loc": ("body", *one["loc"])} for one in errors], _known())
    return []


@cache
def _known() -> frozenset[str]:
    """The names that stand in our own form, and so may stand in an answer."""
    return frozenset(known_names(PersonSubmission.model_json_schema()))


def _nobody(broken: Mapping[int, Sequence[Violation]]) -> Refusal:
    errors = [
        Violation(**one | {"field": f"persons.{nth - 1}.{one['field']}"})
        for nth, found in broken.items()
        for one in found
    ]
    return Refusal(422, "invalid_request", "Nobody of these can be registered", errors=errors)


def _shown(found: Mapping[str, Any]) -> Incident:
    persons = found["persons"]
    registered = [one for one in persons if one["case_id"] is not None]
    refused = [one for one in persons if one["refusals"] is not None]
    return Incident.model_validate(
        dict(found)
        | {
            "persons": len(persons),
            "registered": len(registered),
            "waiting": len(persons) - len(registered) - len(refused),
            "cases": [{"person": one["nth"], "case_number": one["number"]} for one in registered],
            "refused": [{"person": one["nth"], "errors": one["refusals"]} for one in refused],
        }
    )
