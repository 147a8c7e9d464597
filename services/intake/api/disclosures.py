"""HTTP in: a desk looks up what it may know, and confirms that it heard of a withdrawal."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from chassis.web import BearerCaller, Refusal, Shown
from contracts.callers import Caller
from services.intake.api.consents import ConsentDesk
from services.intake.use_cases.acknowledging import Heard, acknowledge_withdrawals
from services.intake.use_cases.opening import open_disclosure


class OpenedDossier(Shown):
    """What the desk may know now: section → field → text; empty when nothing is open any more.

    to_acknowledge: withdrawals of consent that the desk has yet to confirm.
    """

    referral_id: UUID
    sections: dict[str, dict[str, str]]
    grounds: list[str]
    policy_version: str
    to_acknowledge: list[UUID]


class Confirmation(BaseModel):
    """We have heard that consent was withdrawn, and have erased what rested on it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    withdrawal_id: UUID
    referral_id: UUID


def disclosure_router(desk: ConsentDesk) -> APIRouter:
    """The routes; every one needs a token of the organisation that the referral was made to."""
    routes = APIRouter(tags=["disclosures"])
    caller = desk.caller.having("officer", "case_owner", "focal_point")

    _add_opening(routes, desk, caller)
    _add_confirming(routes, desk, caller)
    return routes


def _add_opening(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.get("/disclosures/{referral_id}")
    async def open_dossier(
        referral_id: UUID, response: Response, who: Annotated[Caller, Depends(caller)]
    ) -> OpenedDossier:
        """Policy, consent and stage are asked anew, and the look is on record before you see it."""
        async with desk.parts.work.begin() as connection:
            opened = await open_disclosure(connection, referral_id, who=who, by=desk.discloser)
        if opened is None:
            raise _nothing_there()
        response.headers["Cache-Control"] = "no-store"
        return OpenedDossier(
            referral_id=opened.referral_id,
            sections={name: dict(held) for name, held in opened.content.items()},
            grounds=list(opened.grounds),
            policy_version=opened.policy_version,
            to_acknowledge=list(opened.to_acknowledge),
        )


def _add_confirming(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/acknowledgements", status_code=204)
    async def acknowledge(
        body: Confirmation, request: Request, who: Annotated[Caller, Depends(caller)]
    ) -> None:
        """Confirm a withdrawal; twice is once."""
        heard = Heard(
            organisation=who.organisation,
            withdrawal_id=body.withdrawal_id,
            referral_id=body.referral_id,
            request_id=None,
            trace=request.scope.get("siraba.hop"),
        )
        async with desk.parts.work.begin() as connection:
            (known,) = await acknowledge_withdrawals(connection, [heard], by=desk.discloser)
        if known is None:
            raise _nothing_there()
        await desk.parts.wake_relay()


def _nothing_there() -> Refusal:
    """Somebody else's referral and one that is not look the same."""
    return Refusal(404, "not_found", "There is no such referral to your organisation")
