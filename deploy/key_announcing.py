"""The road of a new signing key: it lies in every feed before anything is signed with it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import outbox
from contracts.keyring import PublicKey
from deploy.directory_publish import own_mint
from deploy.embedded.processes import ServerError
from deploy.signing_keys import make_known, make_next, take_up, to_hand_over
from deploy.state import State
from services.referral.use_cases.publishing import publish_keys, publish_new_months

#: The one service whose word on keys partners take.
ANNOUNCER: Final = "referral"
#: How long the relay may take to bring an announcement into all feeds.
PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.1


async def rotate_signing_key(
    engine: AsyncEngine,
    state: State,
    service: str,
    *,
    now: datetime,
    suspect_from: datetime | None = None,
    patience: float = PATIENCE_SECONDS,
) -> PublicKey:
    """Announce a new key for one service, then let it sign; the older ones end as `take_up` says.

    engine: as referral's own role. Raises `ServerError` when a feed could not be told in time: the
    service then goes on with the key that it has, and the next call makes another one.
    """
    new = make_next(service, now=now)
    make_known(state, new)
    await announce_keys(engine, state, patience=patience)
    take_up(state, new, now=now, suspect_from=suspect_from)
    # That the old one ends is urgent to nobody.
    await _queued(engine, state)
    return new.public


async def announce_keys(
    engine: AsyncEngine, state: State, *, patience: float = PATIENCE_SECONDS
) -> int:
    """Tell every partner the public keys as they are; how many have them in their feeds now.

    Raises `ServerError` when that took longer than `patience`, in seconds.
    """
    told = await _queued(engine, state)
    try:
        async with asyncio.timeout(patience):
            while await _unsent(engine, told):
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise ServerError(
            "the keys have not reached every feed: see `siraba doctor`, then try again"
        ) from None
    return len(told)


async def announce_new_months(engine: AsyncEngine, state: State) -> int:
    """Put a month's key that is new to partners into every feed, once; how many are told with it.

    As long as nobody takes part yet nobody is told: who joins is handed the keys.
    """
    async with engine.begin() as connection:
        keys = to_hand_over(state).keys
        return len(await publish_new_months(connection, keys, mint=own_mint()))


async def _queued(engine: AsyncEngine, state: State) -> list[UUID]:
    async with engine.begin() as connection:
        return await publish_keys(connection, to_hand_over(state).keys, mint=own_mint())


async def _unsent(engine: AsyncEngine, told: Sequence[UUID]) -> int:
    async with engine.connect() as connection:
        return await outbox.unsent(connection, told)
