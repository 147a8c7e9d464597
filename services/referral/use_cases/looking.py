"""Looking around before anybody is asked: who takes part, who has room, how each has answered."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.identifiers import Mint
from services.referral.domain.routing import Directory
from services.referral.store import answers, directory, holidays, places
from services.referral.use_cases.announcing import Announcer


async def look_around(
    connection: AsyncConnection,
    *,
    mint: Mint,
    master_key: bytes,
    before: Announcer | None = None,
) -> Announcer:
    """Everything as it is now. before: what was seen last, so that entries are read if they changed."""
    revision, at = await directory.revision(connection)
    rooms, records = await places.rooms(connection), await answers.records(connection)
    if before is not None and before.revision == revision:
        known = replace(before.directory, rooms=rooms, records=records)
        return replace(before, directory=known, at=at)
    declared = await holidays.declared(connection)
    return Announcer(
        mint=mint,
        master_key=master_key,
        directory=Directory.of(
            await directory.candidates(connection),
            rooms=rooms,
            records=records,
            holidays=frozenset(one.day for one in declared),
        ),
        reached=await directory.reached_by(connection, directory.FEED_CHANNELS),
        at=at,
        revision=revision,
    )
