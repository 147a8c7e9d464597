"""A process that acts on time and sends notices: `python -m tests.trust.keeping_time URL FOLDER`."""

import asyncio
import sys
from pathlib import Path
from secrets import token_bytes
from time import time_ns

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import open_engine
from chassis.notify import Spool
from contracts.identifiers import Mint
from services.referral.notifier import Notifier
from services.referral.timers import Timekeeper
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.looking import look_around

MINT = Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes)


async def announcer(connection: AsyncConnection) -> Announcer:
    """By the directory in the tables."""
    return await look_around(connection, mint=MINT, master_key=b"k" * 32)


async def nothing() -> None:
    """There is no relay to wake."""


async def yes() -> bool:
    """No answer is under way."""
    return True


async def main(url: str, folder: str) -> None:
    """Until somebody kills it."""
    engine = open_engine(url, schema="referral", pool_size=4)
    keeper = Timekeeper(engine=engine, announcer=announcer, wake_relay=nothing, is_read=yes)
    spool = Spool(Path(folder))
    notifier = Notifier(engine=engine, carrier=spool, announcer=announcer, wake_relay=nothing)
    async with engine.connect() as connection:
        await announcer(connection)
    sys.stdout.write(f"{MINT.moment().isoformat()}\n")
    sys.stdout.flush()
    await asyncio.gather(keeper.run(), notifier.run())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
