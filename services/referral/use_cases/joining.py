"""Merging persons: whoever has a case of the one hears what the other was threatened with before."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.feed_cases import ThreatReported
from contracts.policy import URGENCIES
from services.referral.domain.lifecycle import OPEN
from services.referral.store import referrals, threats
from services.referral.store.referrals import KnownCase, Referral
from services.referral.store.threats import Earlier
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.handing_over import hand_over
from services.referral.use_cases.threat_ears import Ear, call, owner_of, recipients_of, told

_Persons = Mapping[UUID, frozenset[UUID]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined:
    """How it is once the persons are one, and what was before. made: what is open now."""

    before: _Persons
    after: _Persons
    owners_before: Mapping[UUID, str]
    known: Mapping[UUID, KnownCase]
    made: Sequence[Referral]

    def newly(self, one: Earlier, *, announcer: Announcer) -> Iterator[Ear]:
        """Who had nothing of this person when it was reported, and has now; each once."""
        had = self.before[one.case_id]
        joined = self.after[one.case_id] - had
        aware = {one.reporter, self.owners_before[one.case_id]}
        aware |= {ref.organisation for ref in self.made if ref.case_id in had}
        of_others = [ref for ref in self.made if ref.case_id in joined]
        ears = [*recipients_of(self.known, of_others, announcer=announcer)]
        if joined:
            ears.insert(0, owner_of(self.known[one.case_id], announcer=announcer))
        for ear in ears:
            if ear.code not in aware:
                aware.add(ear.code)
                yield ear


async def join_persons(
    connection: AsyncConnection,
    owners: Mapping[UUID, str],
    *,
    merged: Mapping[UUID, tuple[UUID | None, Cause]],
    announcer: Announcer,
) -> None:
    """These cases are others' from now on, and of some the persons count elsewhere.

    merged: case → under which it counts, None for its own, and what says so.
    """
    above = {case_id: into for case_id, (into, _) in merged.items()}
    named = {*above, *(into for into in above.values() if into)}
    cases = await threats.persons(connection, named)
    before = await threats.each_person(connection, cases)
    owned = await referrals.known_cases(connection, cases)
    await hand_over(connection, owners, merged=above)
    earlier = await threats.earlier(connection, cases)
    if not earlier:
        return
    joined = _Joined(
        before=before,
        after=await threats.each_person(connection, cases),
        owners_before={case_id: case.owner for case_id, case in owned.items()},
        known=await referrals.known_cases(connection, cases),
        made=[one for one in await referrals.of_cases(connection, cases) if one.state in OPEN],
    )
    # One merge is one word of intake's, said of each case: any of them will do as what caused it.
    cause = next(cause for _, cause in merged.values())
    await _tell(connection, earlier, joined, cause=cause, announcer=announcer)


async def _tell(
    connection: AsyncConnection,
    earlier: Collection[Earlier],
    joined: _Joined,
    *,
    cause: Cause,
    announcer: Announcer,
) -> None:
    """Each threat in each feed; people are called once, for the most urgent."""
    messages: list[Outgoing] = []
    called: dict[str, Ear] = {}
    for urgency in URGENCIES:
        ears: dict[str, Ear] = {}
        for one in earlier:
            if one.urgency != urgency:
                continue
            found = list(joined.newly(one, announcer=announcer))
            ears |= {ear.code: ear for ear in found if ear.code not in called}
            messages += [
                told(ear, _shown(ear, one), cause=cause, announcer=announcer)
                for ear in found
                if ear.code in announcer.reached
            ]
        await call(connection, ears.values(), urgency=urgency, cause=cause, announcer=announcer)
        called |= ears
    await outbox.add(connection, messages)


def _shown(ear: Ear, one: Earlier) -> ThreatReported:
    """What to heed, and nothing of what was threatened or by whom."""
    return ThreatReported(
        referral_id=ear.referral_id, urgency=one.urgency, on=one.on, safety=tuple(one.safety)
    )
