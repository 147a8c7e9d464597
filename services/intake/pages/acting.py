"""Does once what a form on an owner's pages asks, and says in a word why it cannot be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from fastapi import Request
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from chassis import audit
from chassis.audit import Look
from chassis.web import Refusal, form_key
from contracts.callers import Caller
from services.intake.domain import KeyReused, closing, consents, returns, transfers
from services.intake.pages.standing import Desk
from services.intake.store import owned
from services.intake.use_cases.sending_once import Form, comes_first

Found = TypeVar("Found")


class Gone(Exception):
    """What was to be done is done or taken back already, by somebody else."""


#: Why something cannot be: a word for the page.
FAULTS: Final[dict[type[Exception], str]] = {
    Gone: "gone",
    KeyReused: "sent_before",
    consents.CarriesNothing: "carries_nothing",
    closing.CaseIsClosed: "closed",
    closing.NotClosed: "open",
    closing.OfferPending: "pending",
    closing.ServiceUnderWay: "service_under_way",
    closing.NowhereToAsk: "nowhere_to_ask",
    returns.NoSuchReturn: "no_such_return",
    returns.ArrivedInFuture: "future",
    transfers.AlreadyOwner: "cannot_own",
    transfers.CannotOwn: "cannot_own",
    transfers.NoGround: "no_ground",
    transfers.Closed: "closed",
    transfers.Pending: "pending",
    transfers.Settled: "settled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form as it came. action: what it is called in the audit."""

    request: Request
    who: Caller
    said: FormData
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Generic[Found]):
    """find: what it is about, of the sender's organisation alone; do: nothing where it is gone."""

    find: Callable[[AsyncConnection], Awaitable[Found | None]]
    do: Callable[[AsyncConnection, Found], Awaitable[object]]


async def act_once(desk: Desk, sent: Sent, act: Act[Found]) -> str | None:
    """Do it the first time the form comes; a word of `FAULTS` where it cannot be, on record.

    Raises Refusal where there is nothing of the sender's to act on: as where there is nothing.
    """
    try:
        async with desk.parts.work.begin() as connection:
            found = await act.find(connection)
            if found is None:
                look = Look(action=sent.action, outcome="not_found", shown=0)
                await audit.add(connection, sent.who, [look])
            elif await comes_first(connection, _form(desk, sent)) and not await act.do(
                connection, found
            ):
                raise Gone
    except tuple(FAULTS) as refused:
        look = Look(action=sent.action, outcome="refused", shown=0)
        await desk.parts.reads.auditor.record(sent.who, look)
        return FAULTS[type(refused)]
    if found is None:
        raise nothing_there()
    await desk.parts.wake_relay()
    return None


def own_number(
    organisation: str, case_id: UUID
) -> Callable[[AsyncConnection], Awaitable[str | None]]:
    """Finds the number of a case of the sender's organisation."""

    async def find(connection: AsyncConnection) -> str | None:
        return await owned.number_of(connection, case_id, owner=organisation)

    return find


def done(request: Request, path: str) -> RedirectResponse:
    """Go on at this page of ours, and read it anew; it says that what was asked is done."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{path}?done=1", status_code=303)


def nothing_there() -> Refusal:
    """Somebody else's and what is not there look the same."""
    return Refusal(404, "not_found", "There is no such case of your organisation")


def _form(desk: Desk, sent: Sent) -> Form:
    digest = desk.entrance.digest_of(sent.said.multi_items())
    # A page has several forms, and one of them being sent says nothing of the others.
    named = f"{form_key(sent.said)} {sent.request.url.path}"
    return Form(organisation=sent.who.organisation, key=named, digest=digest)
