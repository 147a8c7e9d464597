"""A person decides whom to ask, where nobody is asked without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.routing import Ranked
from services.referral.store import referrals, unplaced
from services.referral.store.referrals import Referral
from services.referral.store.unplaced import Unplaced
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import Asking, Offers, write


class NothingWaits(Exception):
    """No service waits under this id for a decision of this organisation (any more)."""


class CannotBeAsked(Exception):
    """That organisation is not among those that can be asked for this service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What there is to decide: those that were asked, and those that can be, the best first."""

    unplaced: Unplaced
    asked: tuple[Referral, ...]
    candidates: tuple[Ranked, ...]


async def look_at(connection: AsyncConnection, left: Unplaced, *, announcer: Announcer) -> Question:
    """What there is to decide about this service."""
    asked = await _asked(connection, left)
    asking = await _asking(connection, left, announcer=announcer, offers=Offers())
    need = asking.need_of(left.service, left.urgency)
    candidates = asking.candidates(need, asked=_states(asked))
    return Question(unplaced=left, asked=asked, candidates=tuple(candidates))


async def choose(
    connection: AsyncConnection,
    unplaced_id: UUID,
    organisation: str,
    *,
    owner: str,
    role: str,
    announcer: Announcer,
) -> Referral:
    """Ask the organisation that the owner chose. Raises `NothingWaits`, `CannotBeAsked`."""
    seen = await unplaced.find(connection, unplaced_id)
    if seen is None:
        raise NothingWaits
    offers = Offers()
    # The case before what waits of it, as whoever hands it over or records a no does.
    asking = await _asking(connection, seen, announcer=announcer, offers=offers)
    left = await unplaced.lock(connection, unplaced_id, owner=owner)
    if left is None or asking.case.is_closed:
        raise NothingWaits
    need = asking.need_of(left.service, left.urgency)
    asked = _states(await _asked(connection, left))
    if not asking.ask_chosen(need, organisation, asked=asked, role=role):
        raise CannotBeAsked
    await unplaced.remove(connection, unplaced_id)
    await write(connection, offers, announcer=announcer)
    return offers.made[0]


async def _asking(
    connection: AsyncConnection, left: Unplaced, *, announcer: Announcer, offers: Offers
) -> Asking:
    known = await referrals.known_cases(connection, [left.case_id], is_asking=True)
    return Asking(known[left.case_id], announcer=announcer, cause=Cause(), offers=offers)


async def _asked(connection: AsyncConnection, left: Unplaced) -> tuple[Referral, ...]:
    made = await referrals.asked_for(connection, [left.case_id])
    return tuple(one for one in made if one.service == left.service)


def _states(asked: tuple[Referral, ...]) -> Mapping[str, str]:
    return {one.organisation: one.state for one in asked}
