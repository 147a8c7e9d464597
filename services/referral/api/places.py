"""HTTP in: desks count their places; whoever refers sees where there is room, and how old that is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from chassis.audit import Look
from chassis.web import Refusal, Shown, Violation, rules_broken
from contracts.callers import Caller
from contracts.times import Moment
from contracts.vocabulary import Term
from services.referral.api.desk import Desk
from services.referral.domain.places import Places
from services.referral.store import places
from services.referral.use_cases.counting import Count, CountRefused, count_places

Service = Annotated[str, Term("service")]
Number = Annotated[int, Field(ge=0, le=10_000)]


class Counted(BaseModel):
    """How many places there are, and how many of them are free; without a moment: just now."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    places: Number
    free: Number
    counted_at: Moment | None = None


class Room(Shown):
    """An organisation's places of one service. room: free ones less those promised since."""

    organisation: str
    service: str
    places: int
    room: int
    counted_at: datetime
    age_minutes: int


class Rooms(Shown):
    """By organisation."""

    places: list[Room]


def places_router(desk: Desk) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(prefix="/places", tags=["places"])
    person = desk.caller.having("focal_point", "case_owner", "officer")
    focal_point = desk.caller.having("focal_point")

    @routes.get("/{service}")
    async def list_places(service: Service, who: Annotated[Caller, Depends(person)]) -> Rooms:
        """Who has room for a service, as far as it is counted."""
        found = await desk.parts.reads.audited_read(
            who,
            lambda connection: places.of_service(connection, service),
            lambda shown: Look(action="places", shown=len(shown)),
        )
        now = desk.parts.mint.moment()
        return Rooms(places=[_room(one, now=now) for one in found])

    @routes.put("/{service}", status_code=204)
    async def count_own_places(
        service: Service, counted: Counted, who: Annotated[Caller, Depends(focal_point)]
    ) -> None:
        """Say how many places of a service my organisation has, and how many are free."""
        now = desk.parts.mint.moment()
        if counted.free > counted.places:
            raise _refusal("free", "more_than_places")
        count = Count(
            organisation=who.organisation,
            service=service,
            places=counted.places,
            free=counted.free,
            counted_at=counted.counted_at or now,
        )
        async with desk.parts.work.begin() as connection:
            announcer = await desk.announcer(connection)
            try:
                await count_places(connection, count, announcer=announcer, cause=None)
            except CountRefused as refused:
                raise _refusal(refused.field, _RULES[refused.field]) from None

    return routes


#: What of a count cannot be kept, and the rule that it breaks.
_RULES = {"service": "not_offered", "counted_at": "counted_again_since"}


def _refusal(field: str, rule: str) -> Refusal:
    return rules_broken(Violation(field=field, rule=rule))


def _room(one: Places, *, now: datetime) -> Room:
    return Room(
        organisation=one.organisation,
        service=one.service,
        places=one.places,
        room=one.room,
        counted_at=one.counted_at,
        age_minutes=max(0, int((now - one.counted_at).total_seconds() // 60)),
    )
