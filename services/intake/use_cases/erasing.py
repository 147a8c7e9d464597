"""Erasing a person: the owner asks, a second person agrees, and the dossier's key is destroyed."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, outbox
from chassis.audit import Look
from contracts import feed
from contracts.callers import Caller
from contracts.intake import CaseErased
from services.intake.domain import exceptions as rules
from services.intake.domain.exceptions import Asked
from services.intake.store import consents, erasures, merges, reports
from services.intake.store.erasures import ErasureRequest
from services.intake.store.person_keys import destroy_key
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.excepting import party_of
from services.intake.use_cases.trimming import take_back

#: Messages that carry something of the dossier, or the number that leads to it.
TELLING = tuple(
    one.name for one in feed.FEED if not {"sealed", "case_number"}.isdisjoint(one.model_fields)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """One erasure as it is carried out: by whose wish, and on which day it was agreed to."""

    case_id: UUID
    reason: str
    organisation: str
    confirmed_by: str
    at: datetime
    trace: str | None = None


async def ask_erasure(
    connection: AsyncConnection, who: Caller, number: str, *, reason: str, by: Discloser
) -> ErasureRequest | None:
    """Write the owner's request; None when it has no such case. Raises `PersonUnknown`."""
    rules.require_person(await party_of(connection, who))
    case_id = await consents.own_case(connection, number, owner=who.organisation)
    if case_id is None:
        not_found = Look(action="erasure.ask", purpose=reason, outcome="not_found", shown=0)
        await audit.add(connection, who, [not_found])
        return None
    asked = ErasureRequest(
        erasure_id=by.mint.opaque_id(),
        case_id=case_id,
        organisation=who.organisation,
        person=who.person or "",
        reason=reason,
        lapses_at=by.mint.moment() + rules.WAITS,
    )
    await erasures.add(connection, asked)
    await audit.add(connection, who, [_look("erasure.ask", asked, outcome="asked")])
    return asked


async def confirm_erasure(
    connection: AsyncConnection,
    who: Caller,
    erasure_id: UUID,
    *,
    by: Discloser,
    trace: str | None,
) -> date | None:
    """Erase every case of the person, as a second person; the day. None: no such request.

    An owner could destroy the proof of what it did: so, as with exceptions, the second person is
    another organisation's, here always a committee's data officer. Raises `ExceptionRefused`.
    """
    asked = await erasures.lock(connection, erasure_id)
    if asked is None:
        return None
    at = by.mint.moment()
    rules.confirm(_standing(asked), await party_of(connection, who), at=at)
    cases = await merges.person(connection, asked.case_id)
    files = await consents.files(connection, cases)
    if files[asked.case_id].owner != asked.organisation:
        raise rules.Settled  # a merge has given the case to another, who has not asked
    await erasures.confirm(
        connection, erasure_id, organisation=who.organisation, person=who.person, at=at
    )
    await audit.add(connection, who, [_look("erasure.confirm", asked, outcome="granted")])
    for case_id in cases:
        erased = Erased(
            case_id=case_id,
            reason=asked.reason,
            organisation=asked.organisation,
            confirmed_by=who.organisation,
            at=at,
            trace=trace,
        )
        await erase_case(connection, erased, by=by)
    return at.date()


async def erase_case(connection: AsyncConnection, erased: Erased, *, by: Discloser) -> None:
    """Forget the person and say so on INTAKE, all at once or not at all; a second time is nothing."""
    if not await carry_out(connection, erased.case_id, at=erased.at, by=by, trace=erased.trace):
        return
    event = CaseErased(
        reason=erased.reason,
        organisation=erased.organisation,
        confirmed_by=erased.confirmed_by,
        erased_on=erased.at.date(),
    )
    said = by.announced(event, erased.case_id, cause=None, trace=erased.trace)
    await outbox.add(connection, [said])


async def carry_out(
    connection: AsyncConnection, case_id: UUID, *, at: datetime, by: Discloser, trace: str | None
) -> bool:
    """Take the person out of the vault, the tables and the feeds; False if that was done before.

    Coded rows stay under the case's id, which leads nowhere now. The copies that recipients have
    fetched and opened are theirs to erase.
    """
    # First the case, as whoever discloses does: then nothing new is disclosed behind our back.
    await merges.hold(connection)
    await consents.files(connection, [case_id])
    if await erasures.is_erased(connection, case_id):
        return False
    await destroy_key(connection, case_id, at=at)
    telling = await erasures.telling_messages(connection, case_id, names=TELLING)
    notices = await take_back(connection, telling, mint=by.mint, trace=trace)
    await reports.forget(connection, case_id)
    # First the messages, then their receipts: in the order in which the relay takes both.
    await erasures.end_disclosures(connection, case_id, at=at)
    await erasures.forget(connection, case_id)
    await outbox.add(connection, notices)
    return True


def _standing(asked: ErasureRequest) -> Asked:
    """For the rules of two persons: whoever asks is the owner, so only a committee can agree."""
    return Asked(
        owner=asked.organisation,
        organisation=asked.organisation,
        person=asked.person,
        lapses_at=asked.lapses_at,
        until=asked.erased_at,
    )


def _look(action: str, asked: ErasureRequest, *, outcome: str) -> Look:
    return Look(
        action=action, case_id=asked.case_id, purpose=asked.reason, outcome=outcome, shown=0
    )
