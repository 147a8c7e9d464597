"""Deciding about consent: a yes opens what it covers, a no takes back what rested on it alone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts import feed
from contracts.intake import Consent, ConsentChanged, ConsentEvent, ConsentGiven, ConsentWithdrawn
from contracts.policy.consent import CONSENT
from services.intake.domain.closing import CaseIsClosed
from services.intake.store import consents, disclosures, merges
from services.intake.store.consents import CaseFile, Told
from services.intake.store.disclosures import Receipt, Recipient
from services.intake.use_cases.cutting import cut_for, grounds_for, unwritten
from services.intake.use_cases.disclosing import FORMS, Discloser, release_more
from services.intake.use_cases.fallen_offers import end_fallen_offers
from services.intake.use_cases.trimming import take_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision as an officer recorded it. is_withdrawal: a yes is taken back."""

    line: Consent
    owner: str
    is_withdrawal: bool
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a decision did. told: organisations that hear of it and must confirm."""

    decision_id: UUID
    at: datetime
    told: tuple[str, ...]


async def decide_consent(
    connection: AsyncConnection, case_id: UUID, decided: Decided, *, by: Discloser
) -> Outcome:
    """Record, announce and carry out one decision about a person, all at once or not at all.

    It counts for every case of this one's person, each with a decision and an event of its own;
    the outcome is this case's, and names all that are told. Raises `CaseIsClosed` at a yes: a no
    always counts.
    """
    cases = await merges.person(connection, case_id)
    files = await consents.files(connection, cases)
    if decided.line.state == "given" and files[case_id].is_closed:
        raise CaseIsClosed
    done = {one: await _decide(connection, one, decided, by=by) for one in cases}
    await end_fallen_offers(connection, cases, trace=decided.trace, by=by)
    told = {organisation for outcome in done.values() for organisation in outcome.told}
    return replace(done[case_id], told=tuple(sorted(told)))


async def _decide(
    connection: AsyncConnection, case_id: UUID, decided: Decided, *, by: Discloser
) -> Outcome:
    before = (await consents.files(connection, [case_id]))[case_id]
    decision_id, at = by.mint.message_id(), before.decides(by.mint.moment())
    await consents.add_decision(
        connection,
        decided.line,
        decision_id=decision_id,
        case_id=case_id,
        at=at,
        recorded_by=decided.owner,
    )
    after = (await consents.files(connection, [case_id]))[case_id]
    event = _event(before, decided)(decision_id=decision_id, line=decided.line)
    said = by.announced(event, case_id, cause=None, trace=decided.trace)
    await outbox.add(connection, [said])
    told = await _take_back(connection, before, after, said=said, decision_id=decision_id, by=by)
    await release_more(connection, after, by=by, cause=str(said.id), trace=decided.trace)
    return Outcome(decision_id=decision_id, at=at, told=told)


def _event(before: CaseFile, decided: Decided) -> type[ConsentEvent]:
    if decided.is_withdrawal:
        return ConsentWithdrawn
    is_new = all(line.covered != decided.line.covered for line in before.lines)
    return ConsentGiven if is_new and decided.line.state == "given" else ConsentChanged


async def _take_back(
    connection: AsyncConnection,
    before: CaseFile,
    after: CaseFile,
    *,
    said: Outgoing,
    decision_id: UUID,
    by: Discloser,
) -> tuple[str, ...]:
    """End what rested on consent that stands no more, and tell those whom it concerns."""
    at = by.mint.moment()
    lost = {one.referral_id: one for one in await _lost(connection, before, after, at=at)}
    ended = [
        one
        for one in await disclosures.standing_receipts(connection, {after.case_id})
        if one.referral_id in lost and not rests(one, lost[one.referral_id], after, at=at)
    ]
    # First the messages, then their receipts: in the order in which the relay takes both.
    messages = await _trimmed(connection, ended, by=by, trace=said.trace)
    await disclosures.end(connection, [one.receipt_id for one in ended], by=decision_id)
    told = list(lost.values())
    messages += _notices(told, after, decision_id=decision_id, at=at, trace=said.trace, by=by)
    await outbox.add(connection, messages)
    await consents.tell(connection, [_told(one, decision_id) for one in told])
    return tuple(sorted({one.organisation for one in told}))


async def _lost(
    connection: AsyncConnection, before: CaseFile, after: CaseFile, *, at: datetime
) -> list[Recipient]:
    """Those for whom consent stood and stands no more, whatever else may carry what they have."""
    return [
        one
        for one in await disclosures.recipients_of(connection, {after.case_id})
        if "declined" not in one.steps
        and CONSENT in grounds_for(one, before, at=at)
        and CONSENT not in grounds_for(one, after, at=at)
    ]


def _told(one: Recipient, decision_id: UUID) -> Told:
    return Told(
        withdrawal_id=decision_id,
        referral_id=one.referral_id,
        case_id=one.case_id,
        organisation=one.organisation,
    )


def rests(receipt: Receipt, recipient: Recipient, file: CaseFile, *, at: datetime) -> bool:
    """Whether every field of a disclosure is still open, at the stage in which it was told."""
    cut = cut_for(recipient, file, stage=receipt.stage, at=at)
    return cut.fields.issuperset(map(unwritten, receipt.fields))


async def _trimmed(
    connection: AsyncConnection, ended: Sequence[Receipt], *, by: Discloser, trace: str | None
) -> list[Outgoing]:
    """Take the messages out of the feeds; what says to each feed which numbers that frees."""
    sealed: defaultdict[str, list[UUID]] = defaultdict(list)
    for one in ended:
        if one.form == "sealed":
            sealed[one.organisation].append(one.receipt_id)
    return await take_back(connection, sealed, mint=by.mint, trace=trace)


def _notices(
    lost: Sequence[Recipient],
    after: CaseFile,
    *,
    decision_id: UUID,
    at: datetime,
    trace: str | None,
    by: Discloser,
) -> list[Outgoing]:
    """A desk has no feed: it finds the withdrawal where it looks things up."""
    return [
        by.told(
            feed.ConsentWithdrawn(
                withdrawal_id=decision_id,
                referral_id=one.referral_id,
                kept=grounds_for(one, after, at=at),
            ),
            one,
            id=by.mint.message_id(),
            trace=trace,
        )
        for one in lost
        if FORMS[one.channel] == "sealed"
    ]
