"""HTTP in: why a need went where it went, for the case's owner and the committee."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.audit import Reads
from chassis.web import BearerCaller, Refusal, Shown
from contracts.callers import Caller
from services.referral.api.reasons import Reason
from services.referral.store.routings import Routing
from services.referral.use_cases.explaining import explain
from services.referral.use_cases.reading_choices import read_choice


class Judged(Shown):
    """An organisation that may be asked, by its nearest unit; one reason for each question."""

    organisation: str
    kind: str
    unit: str
    reasons: list[Reason]


class LeftOut(Shown):
    """Organisations that give the service and are not asked, for one reason."""

    reason: Reason
    organisations: list[str]


class Explained(Shown):
    """One choice. organisation: who was asked, empty where nobody was; ranked: best first.

    duties: what the law has the owner do itself. more: who comes after those, in their order. others: how many organisations do not give the service at all.
    """

    routing_id: UUID
    service: str
    urgency: str
    organisation: str | None
    decided_at: datetime
    rules: str
    why: Reason
    duties: list[Reason]
    decided_by: Reason | None
    ranked: list[Judged]
    more: list[str]
    excluded: list[LeftOut]
    others: int


def routings_router(reads: Reads, caller: BearerCaller) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(prefix="/routings", tags=["routings"])
    person = caller.having(
        "focal_point", "case_owner", "officer", "analyst", "data_officer", "operator"
    )

    @routes.get("/{routing_id}")
    async def explain_routing(
        routing_id: UUID,
        who: Annotated[Caller, Depends(person)],
        lang: Annotated[Literal["fr", "en"], Query()] = "fr",
    ) -> Explained:
        """Why a need went where it went; a referral's id is that of the choice it came from."""
        found = await read_choice(reads, who, routing_id)
        if found is None:
            raise Refusal(404, "unknown_routing", "No choice of yours has this id")
        return _explained(found, lang)

    return routes


def _explained(one: Routing, lang: str) -> Explained:
    said = explain(one, lang)
    return Explained.model_validate(
        {
            "routing_id": one.id,
            "service": one.service,
            "urgency": one.urgency,
            "organisation": one.organisation,
            "decided_at": one.decided_at,
            "rules": one.weighed["rules"],
            "why": Reason.of(said.why),
            "duties": [Reason.of(duty) for duty in said.duties],
            "decided_by": None if said.decided_by is None else Reason.of(said.decided_by),
            "ranked": [
                Judged(
                    organisation=place.organisation,
                    kind=place.kind,
                    unit=place.unit,
                    reasons=[Reason.of(reason) for reason in place.reasons],
                )
                for place in said.ranked
            ],
            "more": list(said.more),
            "excluded": [
                LeftOut(reason=Reason.of(group.reason), organisations=list(group.organisations))
                for group in said.excluded
            ],
            "others": said.others,
        }
    )
