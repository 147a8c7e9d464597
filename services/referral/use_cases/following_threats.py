"""Taking the word that a person is threatened: high risk at once, and whoever has her case hears."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from chassis.pseudonyms import FeedKey
from contracts import feed_cases as feed
from contracts.reports import ReportThreat
from contracts.threats import ThreatReported
from contracts.topology import OUT
from services.referral.domain.lifecycle import OPEN
from services.referral.store import notices, referrals, timers
from services.referral.store import threats as stored
from services.referral.store.referrals import KnownCase
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.escalating import call_next_rung, climbing
from services.referral.use_cases.handing_over import hold_all
from services.referral.use_cases.naming import named_case
from services.referral.use_cases.permitting import Permit
from services.referral.use_cases.refusing import Asked, Refused, refuse

#: States in which the recipient has only been asked.
_ASKED = frozenset({"offered", "received"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One report, and who sent it. kind: of the organisation, empty where it is not known."""

    asked: Asked
    report: ReportThreat
    kind: str


@dataclass(frozen=True, slots=True)
class _Ear:
    """Who hears, of which case, by which referral, on which ground, and what of the threat."""

    code: str
    case_id: UUID
    _: KW_ONLY
    referral_id: UUID | None
    ground: str | None
    names: frozenset[str]


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

    By (organisation, request). Nobody here may open what is sealed, and half a warning must not
    look like a whole one: so it is refused, and its sender hears so.
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
    if one.report.sealed is not None:
        return "not_yet_supported", "sealed"
    return None


async def _heed(
    connection: AsyncConnection, case_id: UUID, one: Threat, *, announcer: Announcer
) -> None:
    """Whoever threatens her, threatens her in each of her cases: she is at high risk in all of them."""
    await stored.warn(connection, case_id, safety=one.report.safety)
    cases = await stored.persons(connection, [case_id])
    known = await referrals.known_cases(connection, cases)
    made = [ref for ref in await referrals.of_cases(connection, cases) if ref.state in OPEN]
    # Of this very case before the others.
    made.sort(key=lambda ref: ref.case_id == case_id, reverse=True)
    said = one.report.model_dump(exclude={"referral_id", "case", "sealed"})
    event = ThreatReported(**said, organisation=one.asked.organisation, organisation_kind=one.kind)
    heard = [_owner(known[case_id], announcer=announcer)]
    heard += _recipients(known, made, announcer=announcer)
    ears = {ear.code: ear for ear in reversed(heard)}
    ears.pop(one.asked.organisation, None)
    await _call(connection, one, ears.values(), announcer=announcer)
    told = [
        _told(ear, one, announcer=announcer)
        for ear in ears.values()
        if ear.code in announcer.reached
    ]
    await outbox.add(connection, [announcer.inside(event, case_id, cause=one.asked.cause), *told])


async def _call(
    connection: AsyncConnection,
    one: Threat,
    ears: Collection[_Ear],
    *,
    announcer: Announcer,
) -> None:
    """A person of each is told at once that something waits; until somebody looks, the next rung is."""
    waiting = {announcer.mint.opaque_id(): (ear.case_id, ear.code) for ear in ears}
    await notices.add_threat(connection, waiting, urgency=one.report.urgency)
    causes = dict.fromkeys(waiting, one.asked.cause)
    called = await call_next_rung(connection, causes, announcer=announcer)
    await timers.start(connection, climbing(called.values()))


def _owner(case: KnownCase, *, announcer: Announcer) -> _Ear:
    # Its own file needs no ground, so for what it does is all the same.
    permit = announcer.permit(case)
    names = _names(permit, case.owner, permit.owner_kind, relation="owner")
    return _Ear(case.owner, case.case_id, referral_id=None, ground=None, names=names)


def _recipients(
    known: Mapping[UUID, KnownCase], made: Sequence[referrals.Referral], *, announcer: Announcer
) -> Iterator[_Ear]:
    """Whoever has an open referral that something still carries."""
    permits = {case_id: announcer.permit(case) for case_id, case in known.items()}
    for one in made:
        code, kind, service = one.organisation, one.organisation_kind, one.service
        permit = permits[one.case_id]
        ground = permit.ground(code, kind, service=service)
        if ground is None:
            continue
        stage = "offered" if one.state in _ASKED else "accepted"
        names = permit.threat(code, kind, relation="recipient", service=service, stage=stage)
        yield _Ear(code, one.case_id, referral_id=one.referral_id, ground=ground, names=names)


def _names(permit: Permit, code: str, kind: str, *, relation: str) -> frozenset[str]:
    if not kind:
        return frozenset()
    return permit.threat(code, kind, relation=relation, service="shelter", stage="accepted")


def _told(ear: _Ear, one: Threat, *, announcer: Announcer) -> Outgoing:
    key, cause, report = FeedKey.of(announcer.master_key, ear.code), one.asked.cause, one.report
    shown = feed.ThreatReported(
        referral_id=ear.referral_id,
        urgency=report.urgency,
        on=report.on,
        threat=report.threat if "threat" in ear.names else None,
        threat_source=report.threat_source if "threat_source" in ear.names else None,
        safety=report.safety,
    )
    return Outgoing(
        id=announcer.mint.message_id(),
        stream=OUT.name,
        message=shown,
        subject=key.subject(ear.case_id),
        case_id=ear.case_id,
        organisation=ear.code,
        correlation_id=None if ear.referral_id is None else str(ear.referral_id),
        ground=ear.ground,
        trace=cause.trace,
        started_trace=key.trace(ear.case_id, sampled=cause.is_sampled),
    )
