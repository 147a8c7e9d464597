"""Taking the word that a person is threatened: high risk at once, and whoever has her case hears."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts import feed_cases as feed
from contracts.reports import ReportThreat
from contracts.threats import ThreatReported
from services.referral.domain.lifecycle import OPEN
from services.referral.store import referrals
from services.referral.store import threats as stored
from services.referral.store.threats import Earlier
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.handing_over import hold_all
from services.referral.use_cases.naming import named_case
from services.referral.use_cases.refusing import Asked, Refused, refuse
from services.referral.use_cases.threat_ears import Ear, call, owner_of, recipients_of, told


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One report, and who sent it. kind: of the organisation, empty where it is not known."""

    asked: Asked
    report: ReportThreat
    kind: str


async def hold_threatened(
    connection: AsyncConnection,
    threats: Sequence[Threat],
    *,
    besides: Collection[UUID],
    announcer: Announcer,
) -> None:
    """Nobody asks for a case of whoever is threatened, nor merges it, before all is heeded and said.

    besides: the referrals that this transaction takes as well. To be called before it takes any.
    """
    named = [await _named(connection, one, announcer=announcer) for one in threats]
    held: set[UUID] = set()
    # Whoever merged them in the meantime has been waited for, and there may be more of them now.
    while more := {*await stored.persons(connection, [one for one in named if one])} - held:
        await hold_all(connection, more, besides=besides)
        held |= more


async def follow_threats(
    connection: AsyncConnection, threats: Sequence[Threat], *, announcer: Announcer
) -> tuple[list[Refused], dict[tuple[str, UUID], UUID]]:
    """Heed and announce each, in order. Those that were refused, and of the others the case.

    By (organisation, request). What is sealed nobody here may open: intake keeps it, on our word.
    """
    refused, cases = [], {}
    for one in threats:
        case_id = await _named(connection, one, announcer=announcer)
        if why := _impossible(one, case_id):
            reason, field = why
            refused.append(Refused(asked=one.asked, reason=reason, case_id=case_id, field=field))
        elif case_id is not None:
            await _heed(connection, case_id, one, announcer=announcer)
            cases[one.asked.organisation, one.asked.request_id] = case_id
    await refuse(connection, refused, announcer=announcer)
    return refused, cases


async def _named(connection: AsyncConnection, one: Threat, *, announcer: Announcer) -> UUID | None:
    return await named_case(connection, one.report, one.asked.organisation, announcer=announcer)


def _impossible(one: Threat, case_id: UUID | None) -> tuple[str, str] | None:
    """Why it cannot be heeded, and because of what of it."""
    if case_id is None:
        return "unknown_referral", "case" if one.report.referral_id is None else "referral_id"
    if not one.kind:
        return "wrong_state", "ce-source"
    return None


async def _heed(
    connection: AsyncConnection, case_id: UUID, one: Threat, *, announcer: Announcer
) -> None:
    """Whoever threatens her, threatens her in each of her cases: she is at high risk in all of them."""
    report, cause = one.report, one.asked.cause
    await stored.warn(connection, case_id, safety=report.safety)
    earlier = Earlier(
        case_id, one.asked.organisation, urgency=report.urgency, on=report.on, safety=report.safety
    )
    await stored.remember(connection, announcer.mint.opaque_id(), earlier)
    cases = await stored.persons(connection, [case_id])
    known = await referrals.known_cases(connection, cases)
    made = [ref for ref in await referrals.of_cases(connection, cases) if ref.state in OPEN]
    # Of this very case before the others.
    made.sort(key=lambda ref: ref.case_id == case_id, reverse=True)
    said = report.model_dump(exclude={"referral_id", "case", "sealed"})
    event = ThreatReported(**said, organisation=one.asked.organisation, organisation_kind=one.kind)
    heard = [
        owner_of(known[case_id], announcer=announcer),
        *recipients_of(known, made, announcer=announcer),
    ]
    ears = {ear.code: ear for ear in reversed(heard)}
    ears.pop(one.asked.organisation, None)
    await call(connection, ears.values(), urgency=report.urgency, cause=cause, announcer=announcer)
    messages = [
        told(ear, _shown(ear, report), cause=cause, announcer=announcer)
        for ear in ears.values()
        if ear.code in announcer.reached
    ]
    await outbox.add(connection, [announcer.inside(event, case_id, cause=cause), *messages])


def _shown(ear: Ear, report: ReportThreat) -> feed.ThreatReported:
    return feed.ThreatReported(
        referral_id=ear.referral_id,
        urgency=report.urgency,
        on=report.on,
        threat=report.threat if "threat" in ear.names else None,
        threat_source=report.threat_source if "threat_source" in ear.names else None,
        safety=report.safety,
    )
