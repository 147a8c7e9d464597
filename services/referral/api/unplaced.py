"""HTTP in: an owner sees what waits for its decision, and decides. Table error → problem at the end."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from chassis import audit
from chassis.audit import Look
from chassis.web import Refusal, Shown, Violation, rules_broken
from contracts.callers import Caller
from contracts.policy import URGENCIES
from services.referral.api.desk import Desk
from services.referral.store import unplaced
from services.referral.store.unplaced import Unplaced
from services.referral.use_cases.choosing import CannotBeAsked, NothingWaits, choose, look_at

#: The roles that see what waits: the owner's people, and those of the national committee.
READERS = ("officer", "case_owner", "focal_point", "operator")
#: Those who answer for a case.
OWNERS = ("case_owner", "focal_point")


class Left(Shown):
    """A service that nobody is asked for. reason: `high_risk` waits for your decision."""

    unplaced_id: UUID
    owner: str
    case: Annotated[str, Field(description="What your own feed calls the case.")]
    service: str
    urgency: str
    reason: str


class Line(Left):
    """One line of the list. since, age_minutes: by the clock of the platform's database."""

    since: datetime
    age_minutes: int


class Waiting(Shown):
    """The most urgent first, then the oldest; 500 at most."""

    unplaced: list[Line]


class Asked(Shown):
    """Who was asked, and what came of it."""

    organisation: str
    state: str


class Candidate(Shown):
    """Who can be asked; the first is the next in rank."""

    organisation: str
    kind: str
    region: str


class Question(Left):
    """What there is to decide."""

    asked: list[Asked]
    candidates: list[Candidate]


class Choice(BaseModel):
    """The organisation to ask, one of the candidates."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    organisation: Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,24}$")]


class Chosen(Shown):
    """It has been asked."""

    referral_id: UUID


def unplaced_router(desk: Desk) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(prefix="/unplaced", tags=["unplaced"])
    _add_reading(routes, desk)
    _add_choosing(routes, desk)
    return routes


def _add_reading(routes: APIRouter, desk: Desk) -> None:
    reader = desk.caller.having(*READERS)

    @routes.get("")
    async def list_unplaced(who: Annotated[Caller, Depends(reader)]) -> Waiting:
        """What waits for a decision: of my organisation's cases; to the national committee, of all."""
        found = await desk.parts.reads.audited_read(
            who,
            lambda connection: unplaced.listed(connection, urgencies=URGENCIES),
            lambda shown: Look(action="unplaced", shown=len(shown)),
        )
        lines = [
            Line(**_left(desk, who, one.unplaced), since=one.since, age_minutes=one.age_minutes)
            for one in found
        ]
        return Waiting(unplaced=lines)

    @routes.get("/{unplaced_id}")
    async def read_unplaced(unplaced_id: UUID, who: Annotated[Caller, Depends(reader)]) -> Question:
        """Whom I can ask now, the best first, and who was asked before."""
        left = await desk.parts.reads.audited_read(
            who, lambda connection: unplaced.find(connection, unplaced_id), _looked
        )
        if left is None:
            raise _not_found()
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            question = await look_at(connection, left, announcer=announcer)
        return Question(
            **_left(desk, who, left),
            asked=[Asked(organisation=one.organisation, state=one.state) for one in question.asked],
            candidates=[
                Candidate(organisation=one.code, kind=one.organisation.kind, region=one.unit.region)
                for one in question.candidates
            ],
        )


def _add_choosing(routes: APIRouter, desk: Desk) -> None:
    owner = desk.caller.having(*OWNERS)

    @routes.post("/{unplaced_id}/choice", status_code=202)
    async def choose_organisation(
        unplaced_id: UUID, choice: Choice, who: Annotated[Caller, Depends(owner)]
    ) -> Chosen:
        """Ask this organisation; at high risk nobody is asked without this."""
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            try:
                made = await choose(
                    connection,
                    unplaced_id,
                    choice.organisation,
                    owner=who.organisation,
                    role=who.role,
                    announcer=announcer,
                )
            except NothingWaits:
                raise _not_found() from None
            except CannotBeAsked:
                raise _cannot_be_asked() from None
            look = Look(action="unplaced.choice", case_id=made.case_id, purpose="coordination")
            await audit.add(connection, who, [look])
        await desk.parts.wake_relay()
        return Chosen(referral_id=made.referral_id)


def _left(desk: Desk, who: Caller, left: Unplaced) -> dict[str, Any]:
    case = desk.case_name(left.case_id, who.organisation)
    return asdict(left) | {"case": case}


def _looked(left: Unplaced | None) -> Look:
    if left is None:
        return Look(action="unplaced", outcome="not_found", shown=0)
    return Look(action="unplaced", case_id=left.case_id)


def _not_found() -> Refusal:
    return Refusal(404, "not_found", "Nothing waits for you under this id")


def _cannot_be_asked() -> Refusal:
    return rules_broken(Violation(field="organisation", rule="not_a_candidate"))
