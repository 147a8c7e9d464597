"""Telling an organisation again: its feed from a place on, or how its open referrals stand now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts.requests import ReplayFeed, SnapshotFeed
from services.referral.domain.lifecycle import OPEN
from services.referral.store import referrals
from services.referral.store.repeats import take_turn
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.refusing import Asked, Refused, refuse

#: Seconds between two of one organisation: one request can be answered by a whole feed.
PAUSES: Final[Mapping[str, float]] = {ReplayFeed.name: 5.0, SnapshotFeed.name: 600.0}


class Rewind(Protocol):
    """Sets a feed's position back; says False where that would be forward."""

    async def __call__(self, code: str, *, after: int | None, since: datetime | None) -> bool:
        """after: the last place not to be told again; since: or the first moment to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What is to be told again; with neither `after` nor `since` the open referrals."""

    asked: Asked
    after: int | None = None
    since: datetime | None = None


async def tell_again(
    connection: AsyncConnection,
    wanted: Sequence[Again],
    *,
    announcer: Announcer,
    rewind: Rewind,
) -> list[Refused]:
    """Do each or refuse it; the refused ones.

    A position that is set back twice is where it was set: after a crash this may be done anew.
    """
    refused = []
    for one in wanted:
        wrong = await _done(connection, one, announcer=announcer, rewind=rewind)
        if wrong is not None:
            refused.append(
                Refused(asked=one.asked, reason="wrong_state", field=wrong, case_id=None)
            )
    await refuse(connection, refused, announcer=announcer)
    return refused


async def _done(
    connection: AsyncConnection, one: Again, *, announcer: Announcer, rewind: Rewind
) -> str | None:
    """None, or what of it is not possible now: `ce-type` so soon, or `after` since it is ahead."""
    asked = one.asked
    pause = PAUSES[asked.request_type]
    if not await take_turn(connection, asked.organisation, asked.request_type, pause=pause):
        return "ce-type"
    if one.after is not None or one.since is not None:
        is_back = await rewind(asked.organisation, after=one.after, since=one.since)
        return None if is_back else "after"
    await _restate(connection, asked, announcer=announcer)
    return None


async def _restate(connection: AsyncConnection, asked: Asked, *, announcer: Announcer) -> None:
    """Each open referral as it stands, on the ground that it rests on now."""
    own = await referrals.of_organisation(connection, asked.organisation, states=OPEN)
    cases = await referrals.known_cases(connection, {one.case_id for one in own})
    messages = []
    for one in own:
        messages += announcer.restated(one, cases[one.case_id], cause=asked.cause)
    await outbox.add(connection, messages)
