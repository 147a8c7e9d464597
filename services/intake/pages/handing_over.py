"""Giving a case to another owner, from its page; and the page on which the other says yes or no."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from chassis.audit import Look
from chassis.web import Typed
from contracts.callers import Caller
from contracts.intake import Consent
from contracts.topology import organisation_code
from contracts.vocabulary import codes
from services.intake.domain.transfers import Offer
from services.intake.pages.acting import Act, Sent, act_once, done, nothing_there
from services.intake.pages.case_acts import ROLES, acting, needs_code, take
from services.intake.pages.own_cases import Fault, key_of, too_late
from services.intake.pages.standing import Desk
from services.intake.store import owned, transfers
from services.intake.use_cases.consenting import Decided, decide_consent
from services.intake.use_cases.heirs import PURPOSE
from services.intake.use_cases.transferring import (
    ACCEPT,
    OFFER,
    REFUSE,
    WITHDRAW,
    accept_transfer,
    offer_transfer,
    refuse_transfer,
    withdraw_transfer,
)

#: Only who speaks for the organisation gives a case away.
GIVERS: Final = "focal_point"


def add_handing_over(routes: APIRouter, desk: Desk) -> None:
    """`/mine/{case_id}/handovers` for its owner, `/handovers/{transfer_id}` for whoever is asked."""
    _add_offering(routes, desk)
    _add_asked(routes, desk)
    _add_accepting(routes, desk)
    _add_refusing(routes, desk)


def _add_offering(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/mine/{case_id}/handovers")
    async def offer(request: Request, case_id: UUID, who: sender) -> Response:
        who.require(GIVERS)
        said = await request.form()
        sent, to = Sent(request=request, who=who, said=said, action=OFFER), said.get("to")

        async def do(connection: AsyncConnection, number: str) -> object:
            if said.get("agrees") == "yes":
                decided = _agreed(sent, str(to), by=str(said["authority"]))
                await decide_consent(connection, case_id, decided, by=desk.discloser)
            return await offer_transfer(
                connection, acting(sent), number, to=str(to), by=desk.discloser
            )

        lacks = _lacks(said)
        return await take(desk, sent, case_id, form="handovers", lacks=lacks, do=do)

    @routes.post("/mine/{case_id}/handovers/{transfer_id}/withdrawal")
    async def withdraw(
        request: Request, case_id: UUID, transfer_id: UUID, *, who: sender
    ) -> Response:
        who.require(GIVERS)
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=WITHDRAW)

        async def do(connection: AsyncConnection, _: str) -> bool:
            return await withdraw_transfer(connection, acting(sent), transfer_id, by=desk.discloser)

        return await take(desk, sent, case_id, form="handovers", lacks=None, do=do)


def _add_asked(routes: APIRouter, desk: Desk) -> None:
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/handovers/{transfer_id}")
    async def show_asked(request: Request, transfer_id: UUID, who: visitor) -> HTMLResponse:
        return await _shown(desk, request, transfer_id, who=who)

    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        fault = too_late(typed)
        return await _shown(desk, request, typed.at["transfer_id"], who=who, fault=fault)

    desk.entrance.shows("/handovers/{transfer_id:uuid}/refusal", show_again)


def _add_accepting(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/handovers/{transfer_id}/acceptance")
    async def accept(request: Request, transfer_id: UUID, who: sender) -> Response:
        who.require(*ROLES)
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=ACCEPT)

        async def do(connection: AsyncConnection, offer: Offer) -> object:
            return await accept_transfer(
                connection, acting(sent), offer.transfer_id, by=desk.discloser
            )

        rule = await act_once(desk, sent, Act(find=_offer(who, transfer_id), do=do))
        if rule is None:
            return done(request, "/mine")
        fault = Fault(form="acceptance", rule=rule)
        return await _shown(desk, request, transfer_id, who=who, fault=fault)


def _add_refusing(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/handovers/{transfer_id}/refusal")
    async def refuse(request: Request, transfer_id: UUID, who: sender) -> Response:
        who.require(*ROLES)
        said = await request.form()
        sent = Sent(request=request, who=who, said=said, action=REFUSE)

        async def do(connection: AsyncConnection, offer: Offer) -> object:
            return await refuse_transfer(
                connection,
                acting(sent),
                offer.transfer_id,
                reason=str(said["reason"]),
                by=desk.discloser,
            )

        rule = needs_code(said, "reason", "decline_reason")
        rule = rule or await act_once(desk, sent, Act(find=_offer(who, transfer_id), do=do))
        if rule is None:
            return done(request, "/mine")
        fault = Fault(form="refusal", rule=rule)
        return await _shown(desk, request, transfer_id, who=who, fault=fault)


def _lacks(said: FormData) -> str | None:
    try:
        organisation_code(str(said.get("to")))
    except ValueError:
        return "needed"
    agrees = said.get("agrees") == "yes"
    return needs_code(said, "authority", "consent_authority") if agrees else None


def _agreed(sent: Sent, to: str, *, by: str) -> Decided:
    """The person says yes to this organisation having her case: to it alone, and for that alone."""
    line = Consent(organisation=to, purpose=PURPOSE, state="given", by=by)
    return Decided(
        line=line, owner=sent.who.organisation, is_withdrawal=False, trace=acting(sent).trace
    )


def _offer(who: Caller, transfer_id: UUID) -> Any:
    async def find(connection: AsyncConnection) -> Offer | None:
        found = await transfers.find(connection, transfer_id)
        return found if found is not None and found.to_owner == who.organisation else None

    return find


async def _shown(
    desk: Desk, request: Request, transfer_id: UUID, *, who: Caller, fault: Fault | None = None
) -> HTMLResponse:
    offer = await desk.parts.reads.audited_read(
        who,
        lambda connection: owned.offer(connection, transfer_id),
        lambda found: Look(
            action="transfer",
            outcome="shown" if found else "not_found",
            shown=int(found is not None),
        ),
    )
    if offer is None:
        raise nothing_there()
    return desk.render(
        request,
        "handover.html",
        who,
        status=fault.status if fault else 200,
        offer=offer,
        fault=fault,
        reasons=codes("decline_reason"),
        may_answer=who.role in ROLES,
        key=key_of(fault, desk),
    )
