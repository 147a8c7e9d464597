"""Asking organisations: the first in rank for each need, the next one after a decline."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts import policy
from contracts.intake import CaseRegistered
from services.referral.domain.ranking import Candidate, Person, rank
from services.referral.store import referrals
from services.referral.store.referrals import KnownCase, Referral
from services.referral.use_cases.announcing import Announcer, Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """A registered case as the consumer hands it on."""

    case_id: UUID
    facts: CaseRegistered
    recorded_at: datetime
    cause: Cause


@dataclass(slots=True)
class Offers:
    """What one transaction decided, to be written in a handful of statements."""

    made: list[Referral] = field(default_factory=list)
    unplaced: list[tuple[KnownCase, str, str]] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)


async def offer_referrals(
    connection: AsyncConnection, cases: Sequence[NewCase], *, announcer: Announcer
) -> None:
    """For each new case, one offer per service needed, or the word that nobody is there."""
    known = [
        KnownCase(
            case_id=case.case_id,
            owner=case.facts.owner,
            facts=case.facts.model_dump(mode="json"),
            recorded_at=case.recorded_at,
        )
        for case in cases
    ]
    await referrals.save_cases(connection, known)
    offers = Offers()
    for one, case in zip(known, cases, strict=True):
        for service, urgency in _services(case.facts):
            ask_next(
                one,
                service=service,
                urgency=urgency,
                asked=(),
                offers=offers,
                announcer=announcer,
                cause=case.cause,
            )
    await write(connection, offers)


async def offer_next(
    connection: AsyncConnection,
    declined: Sequence[tuple[Referral, Cause]],
    *,
    announcer: Announcer,
) -> None:
    """After a decline: the next in rank; at high risk a human decides first."""
    ids = {one.case_id for one, _ in declined}
    known = await referrals.known_cases(connection, ids)
    asked = _asked(await referrals.of_cases(connection, ids))
    offers = Offers()
    for one, cause in declined:
        case = known[one.case_id]
        if case.facts["risk"] == "high":
            _leave(
                case,
                service=one.service,
                reason="high_risk",
                offers=offers,
                announcer=announcer,
                cause=cause,
            )
            continue
        ask_next(
            case,
            service=one.service,
            urgency=one.urgency,
            asked=asked[one.case_id, one.service],
            offers=offers,
            announcer=announcer,
            cause=cause,
        )
    await write(connection, offers)


def ask_next(
    case: KnownCase,
    *,
    service: str,
    urgency: str,
    asked: Sequence[str],
    offers: Offers,
    announcer: Announcer,
    cause: Cause,
) -> None:
    """One offer to the best of those not asked yet, or unplaced."""
    chosen = _best(case, service=service, asked=asked, announcer=announcer)
    if chosen is None:
        reason = "none_left" if asked else "no_candidate"
        _leave(
            case,
            service=service,
            reason=reason,
            offers=offers,
            announcer=announcer,
            cause=cause,
        )
        return
    best, ground = chosen
    offered = Referral(
        referral_id=announcer.mint.opaque_id(),
        case_id=case.case_id,
        owner=case.owner,
        organisation=best.code,
        organisation_kind=best.kind,
        service=service,
        urgency=urgency,
        ground=ground,
        rank=len(asked) + 1,
        state="offered",
    )
    offers.made.append(offered)
    offers.messages += announcer.offered(offered, case, cause=cause, policy_version=policy.VERSION)


def _best(
    case: KnownCase, *, service: str, asked: Sequence[str], announcer: Announcer
) -> tuple[Candidate, str] | None:
    """The first in rank, and the ground on which it may be asked."""
    permit = announcer.permit(case)
    ranked = rank(
        announcer.organisations,
        service=service,
        person=_person(case),
        asked=(case.owner, *asked),
        may_be_told=lambda one: permit.ground(one.code, one.kind, service=service) is not None,
    )
    grounds = ((one, permit.ground(one.code, one.kind, service=service)) for one in ranked[:1])
    return next(((one, ground) for one, ground in grounds if ground is not None), None)


async def write(connection: AsyncConnection, offers: Offers) -> None:
    """Referrals, unplaced services and their messages."""
    await referrals.save_referrals(connection, offers.made)
    await referrals.save_unplaced(connection, offers.unplaced)
    await outbox.add(connection, offers.messages)


def _leave(
    case: KnownCase,
    *,
    service: str,
    reason: str,
    offers: Offers,
    announcer: Announcer,
    cause: Cause,
) -> None:
    offers.unplaced.append((case, service, reason))
    offers.messages += announcer.unplaced(case, service=service, reason=reason, cause=cause)


def _services(facts: CaseRegistered) -> list[tuple[str, str]]:
    """A case without needs, place or urgency is counted and asks nobody."""
    if not facts.needs or facts.region is None or facts.urgency is None:
        return []
    profile = policy.Profile(
        sex=facts.sex,
        age_band=facts.age_band,
        region=facts.region,
        citizenship=facts.citizenship,
        exploitation=facts.exploitation,
    )
    return policy.services_needed(profile, facts.needs, facts.urgency)


def _person(case: KnownCase) -> Person:
    return Person(
        sex=case.facts["sex"], age_band=case.facts["age_band"], region=case.facts["region"]
    )


def _asked(made: Iterable[Referral]) -> Mapping[tuple[UUID, str], list[str]]:
    asked: dict[tuple[UUID, str], list[str]] = defaultdict(list)
    for one in made:
        asked[one.case_id, one.service].append(one.organisation)
    return asked
