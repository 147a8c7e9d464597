"""HTTP in: an owner's focal point offers a case to another organisation, which accepts or refuses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.audit import Look
from chassis.web import BearerCaller, Refusal, Shown, Violation
from contracts.callers import Caller
from contracts.intake import Organisation
from contracts.vocabulary import Term
from services.intake.api.access import Problems, on_record
from services.intake.api.consents import ConsentDesk, case_is_closed, checked, no_such_case
from services.intake.domain.transfers import (
    AlreadyOwner,
    CannotOwn,
    Closed,
    NoGround,
    Pending,
    Settled,
)
from services.intake.store import transfers
from services.intake.use_cases.transferring import (
    ACCEPT,
    OFFER,
    REFUSE,
    WITHDRAW,
    Acting,
    accept_transfer,
    offer_transfer,
    refuse_transfer,
    withdraw_transfer,
)

STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TransferRequest(BaseModel):
    """Who shall have the case from now on, with all that is merged with it."""

    model_config = STRICT

    organisation: Organisation


class TransferAnswer(BaseModel):
    """Why we do not take it."""

    model_config = STRICT

    reason: Annotated[str, Term("decline_reason")]


class TransferMade(Shown):
    """It stands until then; the case stays ours until it is accepted."""

    transfer_id: UUID
    lapses_at: datetime


class TransferAccepted(Shown):
    """The case is ours from now on, under this number."""

    transfer_id: UUID
    case_number: str


class TransferLine(Shown):
    """One offer that we made or were made. number: while the case is ours.

    shown: what may be known of the case by whom it is offered to.
    """

    transfer_id: UUID
    number: str | None
    from_owner: str
    to_owner: str
    ground: str
    shown: dict[str, Any]
    offered_at: datetime
    lapses_at: datetime
    state: Literal["offered", "accepted", "refused", "withdrawn", "lapsed"]
    reason: str | None


class Transfers(Shown):
    """The newest 200, newest first."""

    transfers: list[TransferLine]


def transfer_router(desk: ConsentDesk) -> APIRouter:
    """The routes: the owner's focal point offers; whoever may own a case for us accepts."""
    routes = APIRouter(tags=["transfers"])
    _add_list(routes, desk, desk.caller.having("officer", "case_owner", "focal_point"))
    _add_offers(routes, desk, desk.caller.having("focal_point"))
    _add_answers(routes, desk, desk.caller.having("case_owner", "focal_point"))
    return routes


def _add_list(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.get("/transfers")
    async def list_transfers(who: Annotated[Caller, Depends(caller)]) -> Transfers:
        """Offers of cases that we made or were made."""
        rows = await desk.parts.reads.audited_read(
            who, transfers.listed, lambda found: Look(action="transfers", shown=len(found))
        )
        return Transfers.model_validate({"transfers": rows})


def _add_offers(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/cases/{number}/transfers", status_code=201)
    async def offer(
        number: str,
        request: Request,
        *,
        body: TransferRequest,
        who: Annotated[Caller, Depends(caller)],
    ) -> TransferMade:
        """Ask another organisation to have the case; nothing changes before it accepts."""
        acting, to = _acting(request, who), body.organisation
        async with _acted(desk, who, OFFER) as connection:
            made = await offer_transfer(
                connection, acting, checked(number), to=to, by=desk.discloser
            )
        if made is None:
            raise no_such_case()
        await desk.parts.wake_relay()
        return TransferMade(transfer_id=made.transfer_id, lapses_at=made.lapses_at)

    @routes.post("/transfers/{transfer_id}/withdrawal", status_code=204)
    async def withdraw(
        transfer_id: UUID, request: Request, who: Annotated[Caller, Depends(caller)]
    ) -> None:
        """Ask no more."""
        acting = _acting(request, who)
        async with _acted(desk, who, WITHDRAW) as connection:
            done = await withdraw_transfer(connection, acting, transfer_id, by=desk.discloser)
        await _done(desk, is_done=done)


def _add_answers(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.post("/transfers/{transfer_id}/acceptance")
    async def accept(
        transfer_id: UUID, request: Request, who: Annotated[Caller, Depends(caller)]
    ) -> TransferAccepted:
        """Have the case from now on; its former owner sees it no more."""
        acting = _acting(request, who)
        async with _acted(desk, who, ACCEPT) as connection:
            number = await accept_transfer(connection, acting, transfer_id, by=desk.discloser)
        await _done(desk, is_done=number is not None)
        return TransferAccepted.model_validate({"transfer_id": transfer_id, "case_number": number})

    @routes.post("/transfers/{transfer_id}/refusal", status_code=204)
    async def refuse(
        transfer_id: UUID,
        request: Request,
        *,
        body: TransferAnswer,
        who: Annotated[Caller, Depends(caller)],
    ) -> None:
        """Do not take it; the case stays its owner's."""
        acting, reason = _acting(request, who), body.reason
        async with _acted(desk, who, REFUSE) as connection:
            done = await refuse_transfer(
                connection, acting, transfer_id, reason=reason, by=desk.discloser
            )
        await _done(desk, is_done=done)


@asynccontextmanager
async def _acted(desk: ConsentDesk, who: Caller, action: str) -> AsyncIterator[AsyncConnection]:
    async with (
        on_record(desk.parts, who, action, problems=PROBLEMS),
        desk.parts.work.begin() as connection,
    ):
        yield connection


async def _done(desk: ConsentDesk, *, is_done: bool) -> None:
    """Somebody else's offer and one that is not look the same."""
    if not is_done:
        raise Refusal(404, "not_found", "There is no such offer to or of your organisation")
    await desk.parts.wake_relay()


def _acting(request: Request, who: Caller) -> Acting:
    return Acting(who=who, trace=request.scope.get("siraba.hop"))


def _cannot(code: str, title: str, rule: str) -> Refusal:
    return Refusal(
        422, code, title, errors=[Violation(field="organisation", rule=rule, place="body")]
    )


PROBLEMS: Problems = {
    AlreadyOwner: lambda: _cannot("own_case", "The case is your own already", "not_ourselves"),
    CannotOwn: lambda: _cannot(
        "cannot_own", "No organisation that can own a case has this code", "known"
    ),
    NoGround: lambda: Refusal(
        409, "no_ground", "Neither consent nor another ground lets this organisation have the case"
    ),
    Closed: case_is_closed,
    Pending: lambda: Refusal(409, "pending", "Another offer of this case is open: withdraw it"),
    Settled: lambda: Refusal(409, "settled", "The offer has ended, or the case has another owner"),
}
