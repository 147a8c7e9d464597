"""HTTP in: whoever was told that something waits sees what it is about, and says: I look after it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from chassis import audit
from chassis.audit import Look
from chassis.web import Refusal, Shown
from contracts.callers import Caller
from services.referral.api.desk import Desk
from services.referral.store import notices
from services.referral.use_cases.notifying import NotYours, acknowledge

PEOPLE = ("officer", "case_owner", "focal_point", "operator")


class Notice(Shown):
    """One notice to a post of my organisation; times by the clock of the platform's database."""

    notice_id: UUID
    waits_for: Annotated[str, Field(description="The organisation that has to act.")]
    rung: str
    state: Annotated[str, Field(description="`waiting`, `sent`, `failed` or `spared`.")]
    created_at: datetime
    age_minutes: int
    acknowledged_at: datetime | None


class Notices(Shown):
    """The newest 200, the newest first."""

    notices: list[Notice]


def notices_router(desk: Desk) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(prefix="/notices", tags=["notices"])
    person = desk.caller.having(*PEOPLE)

    @routes.get("")
    async def list_notices(who: Annotated[Caller, Depends(person)]) -> Notices:
        """What my organisation's posts were told: which organisation something waits for."""
        found = await desk.parts.reads.audited_read(
            who,
            notices.listed,
            lambda shown: Look(action="notices", shown=len(shown)),
        )
        return Notices(notices=[Notice.model_validate(one._asdict()) for one in found])

    @routes.post("/{notice_id}/acknowledgement", status_code=204)
    async def acknowledge_notice(notice_id: UUID, who: Annotated[Caller, Depends(person)]) -> None:
        """I look after it: nobody further up is told of this."""
        async with desk.parts.work.begin() as connection:
            try:
                notice = await acknowledge(
                    connection,
                    notice_id,
                    organisation=who.organisation,
                    role=who.role,
                    announcer=await desk.announcer(connection),
                )
            except NotYours:
                raise _not_found() from None
            await audit.add(
                connection, who, [Look(action="notices.acknowledge", case_id=notice.case_id)]
            )
        await desk.parts.wake_relay()

    return routes


def _not_found() -> Refusal:
    return Refusal(404, "not_found", "No notice under this id waits for your acknowledgement")
