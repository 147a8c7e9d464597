"""HTTP in: an organisation sees its own referrals."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.audit import Look, Reads
from chassis.web import BearerCaller, Shown
from contracts.callers import Caller
from services.referral.store import referrals


class OwnReferral(Shown):
    """One referral that was offered to the caller's organisation."""

    referral_id: UUID
    service: str
    urgency: str
    state: str
    offered_at: datetime
    changed_at: datetime


class OwnReferrals(Shown):
    """The newest 200, newest first."""

    referrals: list[OwnReferral]


def router(reads: Reads, caller: BearerCaller) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(tags=["referrals"])
    person = caller.having("focal_point", "case_owner", "officer")

    @routes.get("/referrals")
    async def list_own_referrals(who: Annotated[Caller, Depends(person)]) -> OwnReferrals:
        """What was offered to my organisation, and how it stands."""
        rows = await reads.audited_read(
            who,
            lambda connection: referrals.own(connection, who.organisation),
            lambda found: Look(action="referrals", shown=len(found)),
        )
        return OwnReferrals.model_validate({"referrals": rows})

    return routes
