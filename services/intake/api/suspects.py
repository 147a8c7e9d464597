"""HTTP in: who a suspect is, for the organisation that reported it and for nobody else."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from chassis.web import Refusal, Shown
from contracts.callers import Caller
from services.intake.api.consents import ConsentDesk
from services.intake.store.suspects import Suspect
from services.intake.use_cases.showing_suspects import erase_suspect, show_suspect


class Identity(Shown):
    """What was said in each report, the oldest first: field → text."""

    versions: list[dict[str, str]]


def suspect_router(desk: ConsentDesk) -> APIRouter:
    """The routes; every look is committed to the audit before it is answered."""
    routes = APIRouter(prefix="/suspects", tags=["suspects"])
    person = desk.caller.having("officer", "case_owner", "focal_point")
    keeper = desk.caller.having("focal_point", "data_officer")

    @routes.get("/{proceeding_id}/{suspect_id}")
    async def see_suspect(
        proceeding_id: UUID,
        suspect_id: UUID,
        response: Response,
        *,
        who: Annotated[Caller, Depends(person)],
    ) -> Identity:
        """Who it is, by the ids under which our own organisation reported it."""
        suspect = Suspect(who.organisation, proceeding_id, suspect_id)
        async with desk.parts.work.begin() as connection:
            versions = await show_suspect(connection, who, suspect, by=desk.discloser)
        if not versions:
            raise _nobody()
        response.headers["Cache-Control"] = "no-store"
        return Identity(versions=versions)

    @routes.post("/{proceeding_id}/{suspect_id}/erasure", status_code=204)
    async def forget_suspect(
        proceeding_id: UUID, suspect_id: UUID, who: Annotated[Caller, Depends(keeper)]
    ) -> None:
        """Forget for good who it is; what was reported of it as codes stays."""
        suspect = Suspect(who.organisation, proceeding_id, suspect_id)
        async with desk.parts.work.begin() as connection:
            done = await erase_suspect(connection, who, suspect, by=desk.discloser)
        if not done:
            raise _nobody()

    return routes


def _nobody() -> Refusal:
    """Another's, one that is erased and one that never was look the same."""
    return Refusal(404, "not_found", "Nothing is kept of such a suspect of yours")
