"""HTTP in: an organisation sees its own referrals, and confirms what others gave in its cases."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from chassis.audit import Look
from chassis.web import Refusal, Shown
from contracts.callers import Caller
from services.referral.api.desk import Desk
from services.referral.store import referrals
from services.referral.use_cases.confirming import (
    NotDelivered,
    NothingToConfirm,
    confirm_delivery,
)


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


def router(desk: Desk) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(tags=["referrals"])
    _add_reading(routes, desk)
    _add_confirming(routes, desk)
    return routes


def _add_reading(routes: APIRouter, desk: Desk) -> None:
    person = desk.caller.having("focal_point", "case_owner", "officer")

    @routes.get("/referrals")
    async def list_own_referrals(who: Annotated[Caller, Depends(person)]) -> OwnReferrals:
        """What was offered to my organisation, and how it stands."""
        rows = await desk.parts.reads.audited_read(
            who,
            lambda connection: referrals.own(connection, who.organisation),
            lambda found: Look(action="referrals", shown=len(found)),
        )
        return OwnReferrals.model_validate({"referrals": rows})


def _add_confirming(routes: APIRouter, desk: Desk) -> None:
    owner = desk.caller.having("focal_point", "case_owner")

    @routes.put("/referrals/{referral_id}/confirmation", status_code=204)
    async def confirm(
        request: Request, referral_id: UUID, who: Annotated[Caller, Depends(owner)]
    ) -> None:
        """Say that the service was given, of a case of my organisation; the second time changes nothing."""
        async with desk.parts.work.begin() as connection:
            try:
                await confirm_delivery(
                    connection,
                    who,
                    referral_id,
                    announcer=await desk.announcer(connection),
                    trace=request.scope.get("siraba.hop"),
                )
            except NothingToConfirm:
                raise Refusal(404, "not_found", "No case of yours has such a referral") from None
            except NotDelivered:
                raise Refusal(409, "not_delivered", "Nobody has said that it was given") from None
        await desk.parts.wake_relay()
