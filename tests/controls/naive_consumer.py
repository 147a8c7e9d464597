"""A consumer as it is often written, to be killed: `ack-first` loses, `ack-last` without inbox doubles.

    python -m tests.controls.naive_consumer MODE URL SEED_FILE EFFECTS

Reads the durable of referral on INTAKE and writes one line (the message's id) to EFFECTS for each.
"""

import asyncio
import os
import sys
from pathlib import Path

import nats
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingCame

from contracts.topology import API_PREFIX, inbox_prefix

USER, STREAM, DURABLE = "referral", "INTAKE", "referral-INTAKE"
WORK_SECONDS = 0.03


async def consume(mode: str, url: str, *, seed: str, effects: int) -> None:
    """Until killed."""
    client = await nats.connect(url, nkeys_seed_str=seed, inbox_prefix=inbox_prefix(USER))
    pulling = await client.jetstream(prefix=API_PREFIX).pull_subscribe_bind(DURABLE, stream=STREAM)
    while True:
        try:
            messages = await pulling.fetch(10, timeout=1)
        except NothingCame:
            continue
        for message in messages:
            await _take(message, mode, effects)


async def _take(message: Msg, mode: str, effects: int) -> None:
    """Between effect and acknowledgement there is always a moment; here it is a long one."""
    line = f"{(message.headers or {})['ce-id']}\n".encode()
    if mode == "ack-first":
        await message.ack_sync()
        await asyncio.sleep(WORK_SECONDS)
        os.write(effects, line)
    else:
        os.write(effects, line)
        await asyncio.sleep(WORK_SECONDS)
        await message.ack_sync()


def main() -> None:
    mode, url, seed, target = sys.argv[1:]
    effects = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    asyncio.run(consume(mode, url, seed=Path(seed).read_text().strip(), effects=effects))


if __name__ == "__main__":
    main()
