"""Taking the word that a person is threatened: high risk at once, and whoever has her case hears."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
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
from services.referral.store.referrals import KnownCase
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.escalating import call_next_rung, climbing
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ear:
    """Who hears, by which referral, on which ground, and what of the threat."""

    code: str
    referral_id: UUID | None
    ground: str | None
    names: frozenset[str]


async def follow_threats(
    connection: AsyncConnection, threats: Sequence[Threat], *, announcer: Announcer
) -> tuple[list[Refused], dict[tuple[str, UUID], UUID]]:
    """Heed and announce each, in order. Those that were refused, and of the others the case.

    By (organisation, request). Nobody here may open what is sealed, and half a warning must not
    look like a whole one: so it is refused, and its sender hears so.
    """
    refused, cases = [], {}
    for one in threats:
        report, asked = one.report, one.asked
        case_id = await named_case(connection, report, asked.organisation, announcer=announcer)
        if why := _impossible(one, case_id):
            reason, field = why
            refused.append(Refused(asked=asked, reason=reason, case_id=case_id, field=field))
        elif case_id is not None:
            await _heed(connection, case_id, one, announcer=announcer)
            cases[asked.organisation, asked.request_id] = case_id
    await refuse(connection, refused, announcer=announcer)
    return refused, cases


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
    await referrals.threaten(connection, case_id, safety=one.report.safety)
    case = (await referrals.known_cases(connection, [case_id]))[case_id]
    said = one.report.model_dump(exclude={"referral_id", "case", "sealed"})
    event = ThreatReported(**said, organisation=one.asked.organisation, organisation_kind=one.kind)
    made = [ref for ref in await referrals.of_cases(connection, [case_id]) if ref.state in OPEN]
    ears = {ear.code: ear for ear in reversed(list(_ears(case, made, announcer=announcer)))}
    ears.pop(one.asked.organisation, None)
    await _call(connection, case_id, one, ears=ears, announcer=announcer)
    told = [
        _told(ear, case_id, one, announcer=announcer)
        for ear in ears.values()
        if ear.code in announcer.reached
    ]
    await outbox.add(connection, [announcer.inside(event, case_id, cause=one.asked.cause), *told])


async def _call(
    connection: AsyncConnection,
    case_id: UUID,
    one: Threat,
    *,
    ears: Collection[str],
    announcer: Announcer,
) -> None:
    """A person of each is told at once that something waits; until somebody looks, the next rung is."""
    waiting = {announcer.mint.opaque_id(): code for code in ears}
    await notices.add_threat(connection, case_id, waiting, urgency=one.report.urgency)
    causes = dict.fromkeys(waiting, one.asked.cause)
    called = await call_next_rung(connection, causes, announcer=announcer)
    await timers.start(connection, climbing(called.values()))


def _ears(
    case: KnownCase, made: Sequence[referrals.Referral], *, announcer: Announcer
) -> Iterator[_Ear]:
    """The owner first, then whoever has an open referral that something still carries."""
    permit = announcer.permit(case)
    # Its own file needs no ground, so for what it does is all the same.
    own = _names(permit, case.owner, permit.owner_kind, relation="owner")
    yield _Ear(code=case.owner, referral_id=None, ground=None, names=own)
    for one in made:
        code, kind, service = one.organisation, one.organisation_kind, one.service
        ground = permit.ground(code, kind, service=service)
        if ground is None:
            continue
        stage = "offered" if one.state in _ASKED else "accepted"
        names = permit.threat(code, kind, relation="recipient", service=service, stage=stage)
        yield _Ear(code=code, referral_id=one.referral_id, ground=ground, names=names)


def _names(permit: Permit, code: str, kind: str, *, relation: str) -> frozenset[str]:
    if not kind:
        return frozenset()
    return permit.threat(code, kind, relation=relation, service="shelter", stage="accepted")


def _told(ear: _Ear, case_id: UUID, one: Threat, *, announcer: Announcer) -> Outgoing:
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
        subject=key.subject(case_id),
        case_id=case_id,
        organisation=ear.code,
        correlation_id=None if ear.referral_id is None else str(ear.referral_id),
        ground=ear.ground,
        trace=cause.trace,
        started_trace=key.trace(case_id, sampled=cause.is_sampled),
    )
