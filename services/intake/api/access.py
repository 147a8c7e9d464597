"""HTTP in: a case's dossier for its owner, and the glass that two persons can break."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.assembly import Parts
from chassis.audit import Look
from chassis.web import BearerCaller, Refusal, Shown
from contracts.callers import Caller
from contracts.case_number import is_case_number
from contracts.form import Section
from contracts.vocabulary import Term
from services.intake.domain.exceptions import (
    ROLES,
    NotTheirs,
    OwnCase,
    PersonUnknown,
    SamePerson,
    Settled,
)
from services.intake.store import exceptions
from services.intake.use_cases.excepting import (
    Asking,
    ask_exception,
    confirm_exception,
    show_dossier,
)
from services.intake.vault import Vault

SECTIONS: tuple[str, ...] = get_args(Section)
Group = Annotated[str, Term("data_group")]
Problems = Mapping[type[Exception], Callable[[], Refusal]]


class ExceptionRequest(BaseModel):
    """To see the dossier of a case that is not ours: one case, a coded reason, these groups."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    case_number: Annotated[str, StringConstraints(max_length=40)]
    reason: Annotated[str, Term("exception_reason")]
    groups: Annotated[tuple[Group, ...], Field(min_length=1, max_length=11)]


class ExceptionAsked(Shown):
    """Waits for a second person of the case's owner, or a committee's data officer."""

    exception_id: UUID
    lapses_at: datetime


class ExceptionGranted(Shown):
    """The dossier is open to the person who asked until then."""

    exception_id: UUID
    until: datetime


class ExceptionLine(Shown):
    """One request that we made, or that is ours to agree to."""

    exception_id: UUID
    number: str
    organisation: str
    role: str
    reason: str
    groups: list[str]
    asked_at: datetime
    lapses_at: datetime
    until: datetime | None


class Exceptions(Shown):
    """The newest 200, newest first."""

    exceptions: list[ExceptionLine]


class Dossier(Shown):
    """What is known of the person: section → field → text."""

    sections: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class AccessDesk:
    """What the routes stand on."""

    parts: Parts
    vault: Vault
    caller: BearerCaller


def access_router(desk: AccessDesk) -> APIRouter:
    """The routes; every look is committed to the audit before it is answered."""
    routes = APIRouter(tags=["access"])
    _add_dossier(routes, desk, desk.caller.having("officer", "case_owner", *ROLES))
    _add_exceptions(routes, desk, desk.caller.having(*ROLES))
    return routes


def _add_dossier(routes: APIRouter, desk: AccessDesk, caller: BearerCaller) -> None:
    @routes.get("/cases/{number}/dossier")
    async def see_dossier(
        number: str,
        response: Response,
        *,
        who: Annotated[Caller, Depends(caller)],
        section: Annotated[list[Section], Query()] = [],  # noqa: B006 - FastAPI copies it
    ) -> Dossier:
        """The dossier of our own case, or what an exception opens of another's."""
        if not is_case_number(number):
            raise _no_case()
        async with desk.parts.work.begin() as connection:
            shown = await show_dossier(
                connection, who, number, sections=section or SECTIONS, vault=desk.vault
            )
        await desk.parts.reads.auditor.record(who, shown.look)
        if shown.dossier is None:
            raise _no_case()
        response.headers["Cache-Control"] = "no-store"
        return Dossier(sections=shown.dossier)


def _add_exceptions(routes: APIRouter, desk: AccessDesk, caller: BearerCaller) -> None:
    @routes.post("/exceptions", status_code=201)
    async def ask(
        body: ExceptionRequest, who: Annotated[Caller, Depends(caller)]
    ) -> ExceptionAsked:
        """Ask for what is not ours to see; nothing opens before a second person agrees."""
        if not is_case_number(body.case_number):
            raise _no_case()
        asking = Asking(number=body.case_number, reason=body.reason, groups=body.groups)
        async with (
            on_record(desk.parts, who, "exception.ask"),
            desk.parts.work.begin() as connection,
        ):
            asked = await ask_exception(connection, who, asking, mint=desk.parts.mint)
        if asked is None:
            raise _no_case()
        return ExceptionAsked(exception_id=asked.exception_id, lapses_at=asked.lapses_at)

    @routes.get("/exceptions")
    async def list_exceptions(who: Annotated[Caller, Depends(caller)]) -> Exceptions:
        """What we asked for, and what is ours to agree to."""
        rows = await desk.parts.reads.audited_read(
            who, exceptions.listed, lambda found: Look(action="exceptions", shown=len(found))
        )
        return Exceptions.model_validate({"exceptions": rows})

    @routes.post("/exceptions/{exception_id}/confirmation")
    async def confirm(
        exception_id: UUID, who: Annotated[Caller, Depends(caller)]
    ) -> ExceptionGranted:
        """Agree, as the second person, and answer for it."""
        action = "exception.confirm"
        async with on_record(desk.parts, who, action), desk.parts.work.begin() as connection:
            until = await confirm_exception(connection, who, exception_id, mint=desk.parts.mint)
        if until is None:
            raise _no_exception()
        await desk.parts.wake_relay()
        return ExceptionGranted(exception_id=exception_id, until=until)


@asynccontextmanager
async def on_record(
    parts: Parts, who: Caller, action: str, *, problems: Problems | None = None
) -> AsyncIterator[None]:
    """A refusal undoes the transaction, and with it its record: so it is written by itself.

    problems: what to answer to which refusal; those of exceptions when left out.
    """
    known = PROBLEMS if problems is None else problems
    try:
        yield
    except tuple(known) as refused:
        refusal = Look(action=action, outcome="refused", shown=0)
        await parts.reads.auditor.record(who, refusal)
        raise known[type(refused)]() from None


def _no_case() -> Refusal:
    return Refusal(404, "not_found", "There is no such case that is open to you")


def _no_exception() -> Refusal:
    """Somebody else's and one that is not look the same."""
    return Refusal(404, "not_found", "There is no such request that is yours to agree to")


PROBLEMS: Problems = {
    PersonUnknown: lambda: Refusal(
        403, "person_required", "The token must name the person, as `sub`"
    ),
    OwnCase: lambda: Refusal(409, "own_case", "The owner of a case needs no exception"),
    SamePerson: lambda: Refusal(
        403, "same_person", "A second person of another organisation must agree"
    ),
    NotTheirs: _no_exception,
    Settled: lambda: Refusal(409, "settled", "Agreed to already, or lapsed"),
}
