"""Who hears that a person is threatened, and how: in its feed, and a human of it at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.outbox import Outgoing
from chassis.pseudonyms import FeedKey
from contracts.feed_cases import ThreatReported
from contracts.topology import OUT
from services.referral.store import notices, referrals, timers
from services.referral.store.referrals import KnownCase
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.escalating import call_next_rung, climbing
from services.referral.use_cases.permitting import Permit

#: States in which the recipient has only been asked.
_ASKED = frozenset({"offered", "received"})


@dataclass(frozen=True, slots=True)
class Ear:
    """Who hears, of which case, by which referral, on which ground, and what of the threat."""

    code: str
    case_id: UUID
    _: KW_ONLY
    referral_id: UUID | None
    ground: str | None
    names: frozenset[str]


def owner_of(case: KnownCase, *, announcer: Announcer) -> Ear:
    """The owner; its own file needs no ground, so for what it does is all the same."""
    permit = announcer.permit(case)
    names = _names(permit, case.owner, permit.owner_kind, relation="owner")
    return Ear(case.owner, case.case_id, referral_id=None, ground=None, names=names)


def recipients_of(
    known: Mapping[UUID, KnownCase], made: Sequence[referrals.Referral], *, announcer: Announcer
) -> Iterator[Ear]:
    """Whoever has one of these referrals, that something still carries."""
    permits = {case_id: announcer.permit(case) for case_id, case in known.items()}
    for one in made:
        code, kind, service = one.organisation, one.organisation_kind, one.service
        permit = permits[one.case_id]
        ground = permit.ground(code, kind, service=service)
        if ground is None:
            continue
        stage = "offered" if one.state in _ASKED else "accepted"
        names = permit.threat(code, kind, relation="recipient", service=service, stage=stage)
        yield Ear(code, one.case_id, referral_id=one.referral_id, ground=ground, names=names)


async def call(
    connection: AsyncConnection,
    ears: Collection[Ear],
    *,
    urgency: str,
    cause: Cause,
    announcer: Announcer,
) -> None:
    """A person of each is told at once that something waits; until somebody looks, the next rung is."""
    waiting = {announcer.mint.opaque_id(): (ear.case_id, ear.code) for ear in ears}
    await notices.add_threat(connection, waiting, urgency=urgency)
    called = await call_next_rung(connection, dict.fromkeys(waiting, cause), announcer=announcer)
    await timers.start(connection, climbing(called.values()))


def told(ear: Ear, shown: ThreatReported, *, cause: Cause, announcer: Announcer) -> Outgoing:
    """The word for its feed, by the name and the referral by which it has the case."""
    key = FeedKey.of(announcer.master_key, ear.code)
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


def _names(permit: Permit, code: str, kind: str, *, relation: str) -> frozenset[str]:
    if not kind:
        return frozenset()
    return permit.threat(code, kind, relation=relation, service="shelter", stage="accepted")
