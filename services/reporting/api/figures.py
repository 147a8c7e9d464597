"""HTTP in: the figures of the page as JSON, for programs."""

from dataclasses import asdict
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import BearerCaller, KeyLookup, Shown
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.reporting.api.asking import DAY, MOMENT, ROLES, UNCHANGED, window_of
from services.reporting.domain.disclosure import step_for
from services.reporting.use_cases import Figures, count_figures


class Persons(Shown):
    """A number of persons."""

    unit: Literal["persons"] = "persons"
    value: int


class Services(Shown):
    """A number of services of persons: the same service of two persons counts twice."""

    unit: Literal["services"] = "services"
    value: int


class Referrals(Shown):
    """Numbers of referrals by state; `total` is their sum."""

    unit: Literal["referrals"] = "referrals"
    value: dict[str, int]
    total: int


class Median(Shown):
    """A median duration over `answered` referrals; null where there is none."""

    unit: Literal["seconds"] = "seconds"
    value: float | None
    answered: int


class FourFigures(Shown):
    """Each with its unit; victims are persons whose offence class is not migrant_smuggling."""

    victims_detected: Persons = Field(description="V1: victims detected on a day of the window.")
    victims_referred: Persons = Field(
        description="R1: victims for whom at least one referral was offered in the window."
    )
    referrals_by_state: Referrals = Field(
        description="R2: victims' referrals offered in the window, by their state at as_of."
    )
    services_unplaced: Services = Field(
        description="R2: victims' services for which, in the window, nobody was left to ask."
    )
    time_to_answer: Median = Field(
        description="Median time from offered to the first accepted or declined, over the "
        "referrals offered in the window that have an answer at as_of."
    )


class Position(Shown):
    """The furthest message of a stream that has been counted."""

    stream: str
    sequence: int
    recorded_at: datetime


class Report(Shown):
    """The figures over days `from` ≤ day < `to`, of events recorded before `as_of`.

    rounded_down_to: each number is the last multiple of it; 1: none is rounded.
    """

    start: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    as_of: datetime
    followed: list[Position]
    rounded_down_to: int
    figures: FourFigures


def router(*, web: AsyncEngine, key_of: KeyLookup, mint: Mint) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(tags=["figures"])
    caller = BearerCaller(audience="reporting", key_of=key_of, clock=mint.moment)

    @routes.get(
        "/figures",
        response_model=Report,
        responses=UNCHANGED,
    )
    async def show_figures(
        *,
        request: Request,
        response: Response,
        who: Annotated[Caller, Depends(caller)],
        start: Annotated[str | None, Query(alias="from", description=DAY)] = None,
        end: Annotated[str | None, Query(alias="to", description=DAY)] = None,
        as_of: Annotated[str | None, Query(description=MOMENT)] = None,
    ) -> Report | Response:
        """The figures of a window; the same question with the same as_of gets the same answer.

        An analyst asks for one calendar year, and gets numbers rounded down to a multiple of 5.
        """
        who.require(*ROLES)
        step = step_for(who.role)
        window = window_of(request, mint, a_year=step > 1)
        report = _report(await count_figures(web, window, step=step))
        tag = _tag(report)
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return report

    return routes


def _tag(report: Report) -> str:
    """Weak: the same numbers up to the same positions, at whatever moment they were asked for."""
    content = report.model_dump_json(exclude={"as_of"})
    return f'W/"{sha256(content.encode()).hexdigest()[:32]}"'


def _report(counted: Figures) -> Report:
    states, answers = counted.referrals_by_state, counted.time_to_answer
    return Report(
        start=counted.window.start,
        end=counted.window.end,
        as_of=counted.window.as_of,
        rounded_down_to=counted.step,
        followed=[Position(**asdict(one)) for one in counted.followed],
        figures=FourFigures(
            victims_detected=Persons(value=counted.victims_detected),
            victims_referred=Persons(value=counted.victims_referred),
            referrals_by_state=Referrals(value=states, total=sum(states.values())),
            services_unplaced=Services(value=counted.services_unplaced),
            time_to_answer=Median(value=answers.median_seconds, answered=answers.answered),
        ),
    )
