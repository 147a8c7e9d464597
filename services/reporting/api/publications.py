"""HTTP in: the committee's programs have an edition published, and ask what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import (
    BearerCaller,
    KeyLookup,
    Refusal,
    Shown,
    Violation,
    committee_alone,
    rules_broken,
)
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.reporting.api.asking import UNCHANGED
from services.reporting.domain import BadWindow
from services.reporting.domain.edition import Audience, read_edition, year_asked
from services.reporting.store.publications import Asked
from services.reporting.use_cases.requesting import (
    DECIDES,
    NotTheCommittee,
    request_publication,
    see_publication,
)

AS_OF: Final = "YYYY-MM-DDThh:mm:ssZ; the last midnight by default, and now at the latest."


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationDesk:
    """What it takes to publish. work: the working role's engine; wake: tells the publisher."""

    work: AsyncEngine
    key_of: KeyLookup
    mint: Mint
    wake: Callable[[], None]


class Wanted(BaseModel):
    """Which edition is to come out. internal: numbers from 5 on, for the committee alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    year: Annotated[int, Field(strict=True, ge=1970, le=2999)]
    audience: Audience = "public"
    as_of: Annotated[str | None, Field(description=AS_OF)] = None


class Publication(Shown):
    """What became of a publication.

    state: it waits (a year takes up to a minute), is out under the number `edition`, or was refused.
    refusal: `nothing_counted`, `small_number` (with what is out, one could be computed: choose a later
    moment), `no_bounds`, `unknown_code`, or `failed`.
    """

    id: UUID
    audience: Audience
    start: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    as_of: datetime
    asked_at: datetime
    state: Literal["waiting", "out", "refused"]
    refusal: str | None
    edition: int | None


def publication_router(desk: PublicationDesk) -> APIRouter:
    """The routes, for the committee's analysts and data officers."""
    routes = APIRouter(prefix="/publications", tags=["editions"])
    caller = BearerCaller(audience="reporting", key_of=desk.key_of, clock=desk.mint.moment)
    decider = caller.having(*DECIDES)
    _add_asking(routes, desk, decider)
    _add_looking(routes, desk, decider)
    return routes


def _add_asking(routes: APIRouter, desk: PublicationDesk, decider: BearerCaller) -> None:
    @routes.post("", status_code=202, responses={200: {"model": Publication}})
    async def publish_edition(
        wanted: Wanted, response: Response, *, who: Annotated[Caller, Depends(decider)]
    ) -> Publication:
        """Have a year's report drawn, judged and published; the same edition is asked for once.

        What comes out stays out, and binds every later edition. 202: it waits, and `Location` says
        where to ask; 200: it is out.
        """
        asked = await _asked(desk, wanted, who=who)
        response.headers["Location"] = f"/reporting/publications/{asked.id}"
        if asked.state == "out":
            response.status_code = 200
        else:
            desk.wake()
        return _shown(asked)


def _add_looking(routes: APIRouter, desk: PublicationDesk, decider: BearerCaller) -> None:
    @routes.get("/{publication_id}", response_model=Publication, responses=UNCHANGED)
    async def show_publication(
        publication_id: UUID,
        request: Request,
        response: Response,
        *,
        who: Annotated[Caller, Depends(decider)],
    ) -> Publication | Response:
        """Whether it waits, is out or was refused, and why."""
        async with desk.work.connect() as connection:
            try:
                found = await see_publication(connection, publication_id, by=who)
            except NotTheCommittee:
                raise committee_alone() from None
        if found is None:
            raise Refusal(404, "no_such_publication", "There is no such publication")
        shown = _shown(found)
        tag = f'"{sha256(shown.model_dump_json().encode()).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return shown


async def _asked(desk: PublicationDesk, wanted: Wanted, *, who: Caller) -> Asked:
    now = desk.mint.moment()
    try:
        edition = year_asked(wanted.year, wanted.as_of, audience=wanted.audience, now=now)
    except BadWindow as bad:
        broken = Violation(field=bad.field, rule=bad.rule, place="body")
        raise rules_broken(broken) from None
    async with desk.work.begin() as connection:
        try:
            return await request_publication(
                connection, edition, by=who, publication_id=desk.mint.opaque_id(), now=now
            )
        except NotTheCommittee:
            raise committee_alone() from None


def _shown(asked: Asked) -> Publication:
    edition = read_edition(asked.name)
    assert edition is not None  # noqa: S101 - only what is an edition is asked for
    return Publication(
        id=asked.id,
        audience=edition.audience,
        start=edition.window.start,
        end=edition.window.end,
        as_of=edition.window.as_of,
        asked_at=asked.asked_at,
        state=asked.state,
        refusal=asked.refused,
        edition=asked.number,
    )
