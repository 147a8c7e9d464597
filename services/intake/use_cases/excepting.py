"""Breaking the glass: one asks, a second person of another organisation agrees, all is on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, outbox
from chassis.audit import Look
from chassis.outbox import Outgoing
from contracts.callers import Caller
from contracts.identifiers import Mint
from contracts.intake import AccessExcepted
from contracts.policy.tables import fields
from services.intake.domain import exceptions as rules
from services.intake.domain.exceptions import Asked, Party
from services.intake.store import exceptions
from services.intake.store.dossiers import DossierErased, open_dossier
from services.intake.store.exceptions import Entitled, Exceptional
from services.intake.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked for: one case, for a coded reason, some groups of the need-to-know matrix."""

    number: str
    reason: str
    groups: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A dossier as far as it is open, and what the record says of it."""

    dossier: dict[str, dict[str, str]] | None
    look: Look


async def ask_exception(
    connection: AsyncConnection, who: Caller, asking: Asking, *, mint: Mint
) -> Exceptional | None:
    """Write the request, with the attempt on record; None when there is no such case.

    Raises the kinds of `ExceptionRefused`.
    """
    found = await exceptions.case_of(connection, asking.number, hold=True)
    if found is None:
        await audit.add(connection, who, [Look(action="exception.ask", outcome="not_found")])
        return None
    case_id, owner = found
    party = await party_of(connection, who)
    asked = Exceptional(
        exception_id=mint.opaque_id(),
        case_id=case_id,
        number=asking.number,
        owner=owner,
        organisation=who.organisation,
        role=who.role,
        person=who.person or "",
        reason=asking.reason,
        groups=tuple(sorted(set(asking.groups))),
        lapses_at=rules.ask(party, owner=owner, at=mint.moment()),
    )
    await exceptions.add(connection, asked)
    await audit.add(connection, who, [_look("exception.ask", asked)])
    return asked


async def confirm_exception(
    connection: AsyncConnection, who: Caller, exception_id: UUID, *, mint: Mint
) -> datetime | None:
    """Open the dossier to who asked, and say so on INTAKE; until when. None: no such request.

    Raises the kinds of `ExceptionRefused`.
    """
    asked = await exceptions.lock(connection, exception_id)
    if asked is None:
        return None
    party = await party_of(connection, who)
    until = rules.confirm(_standing(asked), party, at=mint.moment())
    await exceptions.confirm(
        connection,
        exception_id,
        organisation=who.organisation,
        role=who.role,
        person=who.person,
        until=until,
    )
    await audit.add(connection, who, [_look("exception.confirm", asked)])
    await outbox.add(connection, [_announced(asked, who, until=until, mint=mint)])
    return until


async def show_dossier(
    connection: AsyncConnection, who: Caller, number: str, *, sections: Sequence[str], vault: Vault
) -> Shown:
    """The owner's dossier, or the groups that an exception opens to this very person.

    Write its look before anything leaves.
    """
    case_id, entitled = await exceptions.entitled(
        connection, number, organisation=who.organisation, person=who.person
    )
    if entitled is None:
        outcome = "not_found" if case_id is None else "refused"
        return Shown(
            dossier=None, look=Look(action="dossier", case_id=case_id, outcome=outcome, shown=0)
        )
    try:
        whole = await open_dossier(connection, entitled.case_id, sections, vault=vault)
    except DossierErased:
        return Shown(dossier=None, look=_opened(entitled, (), outcome="erased"))
    dossier = whole if entitled.groups is None else _within(whole, entitled.groups)
    return Shown(dossier=dossier, look=_opened(entitled, tuple(sorted(dossier)), outcome="shown"))


def _within(whole: dict[str, dict[str, str]], groups: frozenset[str]) -> dict[str, dict[str, str]]:
    groups_of = {name: known.groups for name, known in fields().items()}
    return rules.within(whole, groups, groups_of=groups_of)


def _opened(entitled: Entitled, sections: tuple[str, ...], *, outcome: str) -> Look:
    return Look(
        action="dossier" if entitled.groups is None else "dossier.exception",
        case_id=entitled.case_id,
        parts=sections,
        purpose=entitled.reason or "coordination",
        outcome=outcome,
        shown=int(outcome == "shown"),
    )


async def party_of(connection: AsyncConnection, who: Caller) -> Party:
    """Who takes part in a decision of two persons."""
    kind = await exceptions.kind_of(connection, who.organisation)
    return Party(organisation=who.organisation, kind=kind, role=who.role, person=who.person)


def _standing(asked: Exceptional) -> Asked:
    return Asked(
        owner=asked.owner,
        organisation=asked.organisation,
        person=asked.person,
        lapses_at=asked.lapses_at,
        until=asked.until,
    )


def _look(action: str, asked: Exceptional) -> Look:
    return Look(
        action=action,
        case_id=asked.case_id,
        parts=tuple(asked.groups),
        purpose=asked.reason,
        outcome="granted" if action == "exception.confirm" else "asked",
        shown=0,
    )


def _announced(asked: Exceptional, who: Caller, *, until: datetime, mint: Mint) -> Outgoing:
    event = AccessExcepted(
        reason=asked.reason,
        organisation=asked.organisation,
        confirmed_by=who.organisation,
        requested_by_role=asked.role,
        confirmed_by_role=who.role,
        groups=tuple(asked.groups),
        until=until,
    )
    return Outgoing(
        id=mint.message_id(),
        stream="INTAKE",
        message=event,
        subject=str(asked.case_id),
        case_id=asked.case_id,
        correlation_id=str(asked.case_id),
    )
