"""Following a case to its new owner: whoever asks for it, or sends the plan it is in, comes first or after."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.store import endings, groups, referrals, threats


async def hand_over(
    connection: AsyncConnection,
    owners: Mapping[UUID, str],
    *,
    merged: Mapping[UUID, UUID | None],
) -> None:
    """These cases, with all that was asked for them, belong to others from now on.

    merged: under which case the persons of some of them count, or None for their own. An offer that
    is being made meanwhile would else keep the owner of before for good.
    """
    await groups.lock(connection, await groups.of_cases(connection, owners))
    # Of the persons too that become one: what was threatened in the one is heeded in the other.
    joined = {*merged, *(into for into in merged.values() if into)}
    await hold_all(connection, {*owners, *await threats.persons(connection, joined)})
    await threats.link(connection, merged)
    await referrals.hand_over(connection, owners)


async def hold_all(
    connection: AsyncConnection, cases: Collection[UUID], *, besides: Collection[UUID] = ()
) -> None:
    """Their referrals, then they themselves: in the order of whoever asks the next in rank.

    besides: referrals of other cases that are to be held as well; all in one go, or two who hold
    several would wait for each other.
    """
    made = await referrals.of_cases(connection, cases)
    await referrals.lock(connection, {*besides, *(one.referral_id for one in made)})
    await endings.hold(connection, cases)
