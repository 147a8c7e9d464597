"""Following what is decided about a case: what its offers rested on may be gone."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts.feed import FeedTrimmed
from contracts.intake import Consent, Line
from contracts.policy.consent import CONSENT, moment_after
from services.referral.store import endings, referrals
from services.referral.store.referrals import KnownCase, Referral
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.handing_over import hold_all
from services.referral.use_cases.regaining import follow_ground
from services.referral.use_cases.taking_back import take_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One decision about a case, with when its event was recorded."""

    case_id: UUID
    line: Line
    recorded_at: datetime
    cause: Cause = field(default_factory=Cause)


class Resting(Protocol):
    """A message that rests on a ground, as the relay holds it."""

    @property
    def position(self) -> int:
        """Its place in the outbox."""

    @property
    def case_id(self) -> UUID | None:
        """The case it tells of."""

    @property
    def correlation_id(self) -> str | None:
        """The referral it tells of."""

    @property
    def ground(self) -> str | None:
        """What it rests on."""


async def follow_consents(
    connection: AsyncConnection, said: Sequence[Said], *, announcer: Announcer
) -> None:
    """Remember the decisions; what nothing carries any more is taken out of the feeds, and back.

    Nobody else is asked in its place: she has said no, and the owner hears of it. What a later yes
    carries again is asked for again, once.
    """
    cases = {decision.case_id for decision in said}
    # Whoever asks for them now is waited for: so its offer is here to be seen, or it sees what is
    # decided here.
    await hold_all(connection, cases)
    await _remember(connection, said, await referrals.known_cases(connection, cases))
    fallen = await _fallen(connection, cases, announcer=announcer)
    await _trim(connection, fallen, announcer=announcer)
    causes = {one.case_id: one.cause for one in said}
    gone = {one.referral_id: causes[one.case_id] for one, ground in fallen if ground == one.ground}
    lost = await take_back(connection, gone, reason=CONSENT, announcer=announcer)
    await endings.lose_ground(connection, [one.referral_id for one in lost])
    for case_id in sorted(cases):
        is_no = any(_is_no(one.line) for one in said if one.case_id == case_id)
        await follow_ground(
            connection, case_id, may_stop=is_no, cause=causes[case_id], announcer=announcer
        )


async def _trim(
    connection: AsyncConnection, fallen: Sequence[tuple[Referral, str]], *, announcer: Announcer
) -> None:
    """Take what rested on these grounds out of the feeds, and say to each which numbers that frees."""
    freed: defaultdict[str, list[int]] = defaultdict(list)
    for one, ground in fallen:
        ids = await outbox.resting_on(
            connection,
            ground,
            case_id=one.case_id,
            organisation=one.organisation,
            correlation_id=str(one.referral_id),
        )
        freed[one.organisation] += await outbox.withdraw(connection, ids)
    messages = [
        announcer.told(
            FeedTrimmed(numbers=tuple(sorted(numbers))),
            organisation=organisation,
            subject=organisation,
            cause=None,
        )
        for organisation, numbers in sorted(freed.items())
        if numbers
    ]
    await outbox.add(connection, messages)


def _is_no(line: Line) -> bool:
    return isinstance(line, Consent) and line.state != "given"


async def _remember(
    connection: AsyncConnection, said: Sequence[Said], known: Mapping[UUID, KnownCase]
) -> None:
    """In the order in which it was said, whatever a server's clock has written on it."""
    moments = {
        id: [case.recorded_at, *(at for at, _ in case.decided)] for id, case in known.items()
    }
    for one in said:
        earlier = moments[one.case_id]
        earlier.append(moment_after(earlier, one.recorded_at))
        await referrals.decide(connection, one.case_id, [(earlier[-1], one.line)])


async def find_fallen(
    connection: AsyncConnection, rows: Sequence[Resting], *, announcer: Announcer
) -> Collection[int]:
    """Positions of what nothing carries any more; asked only where something was decided later."""
    cases = {row.case_id for row in rows if row.case_id is not None}
    changed = await referrals.with_decisions(connection, cases)
    if not changed:
        return ()
    fallen = await _fallen(connection, changed, announcer=announcer)
    gone = {(str(one.referral_id), ground) for one, ground in fallen}
    return [row.position for row in rows if (row.correlation_id, row.ground) in gone]


async def _fallen(
    connection: AsyncConnection, cases: Collection[UUID], *, announcer: Announcer
) -> list[tuple[Referral, str]]:
    """Referrals with a ground on which nothing that was said of them rests any more."""
    known = await referrals.known_cases(connection, cases)
    made = await referrals.of_cases(connection, cases)
    return [(one, ground) for one in made for ground in _gone(one, known[one.case_id], announcer)]


def _gone(one: Referral, case: KnownCase, announcer: Announcer) -> Iterator[str]:
    permit = announcer.permit(case)
    if permit.ground(one.organisation, one.organisation_kind, service=one.service) is None:
        yield one.ground
    # A file's standing may have been told on consent where the offer rests on something else.
    _, carrier = permit.file(
        one.organisation, one.organisation_kind, relation="recipient", service=one.service
    )
    if carrier is None and one.ground != CONSENT:
        yield CONSENT
