"""Following how a case ends: what is open of it is taken back; reopened, what it needs is asked again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.lifecycle import OPEN
from services.referral.store import endings, groups, notices, referrals, unplaced
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import Asking, Offers, write
from services.referral.use_cases.taking_back import take_back

REASON = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A case was closed or reopened. needs: services that somebody is to be asked for."""

    case_id: UUID
    is_closed: bool
    needs: tuple[str, ...] = ()
    cause: Cause = field(default_factory=Cause)


async def follow_closings(
    connection: AsyncConnection, turns: Sequence[Turn], *, announcer: Announcer
) -> None:
    """Each in its order: of one case a batch may hold several."""
    for turn in turns:
        if turn.is_closed:
            await _close(connection, turn, announcer=announcer)
        else:
            await _reopen(connection, turn, announcer=announcer)


async def _close(connection: AsyncConnection, turn: Turn, *, announcer: Announcer) -> None:
    await groups.leave(connection, turn.case_id)
    # Referrals, case, what waits: in the order of whoever asks for it. Then, once nobody can ask any
    # more, what came between.
    await _take_back(connection, turn, announcer=announcer)
    await endings.hold(connection, [turn.case_id])
    await endings.close(connection, turn.case_id)
    await _take_back(connection, turn, announcer=announcer)
    await unplaced.remove_of_case(connection, turn.case_id)
    await notices.spare(connection, turn.case_id)


async def _take_back(connection: AsyncConnection, turn: Turn, *, announcer: Announcer) -> None:
    made = await referrals.of_cases(connection, [turn.case_id])
    causes = {one.referral_id: turn.cause for one in made if one.state in OPEN}
    await take_back(connection, causes, reason=REASON, announcer=announcer)


async def _reopen(connection: AsyncConnection, turn: Turn, *, announcer: Announcer) -> None:
    await endings.reopen(connection, turn.case_id)
    case = (await referrals.known_cases(connection, [turn.case_id]))[turn.case_id]
    offers = Offers()
    asking = Asking(case, announcer=announcer, cause=turn.cause, offers=offers)
    if asking.situation is None:
        return
    for service in turn.needs:
        asking.ask(asking.need_of(service, asking.situation.urgency), asked={})
    await write(connection, offers, announcer=announcer)
