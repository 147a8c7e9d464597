"""What a broker can lose by itself: its whole store, one stream, one consumer."""

import asyncio
import shutil

from deploy.jetstream import asked, connected
from deploy.keys import PROVISIONER, seed_file
from deploy.platform import Platform


async def wipe_store(platform: Platform) -> None:
    """Kill the broker and delete all it keeps before it is up again; its supervisor restarts it."""
    store = platform.state.nats / "store"
    platform.kill("nats")
    while store.exists():
        # It may be starting again already: what it has just made goes too.
        await asyncio.to_thread(shutil.rmtree, store, ignore_errors=True)
        child = platform.supervisor.servers["nats"].child
        if child is not None and child.running:
            platform.kill("nats")
        await asyncio.sleep(0)


async def delete_consumer(platform: Platform, stream: str, durable: str) -> None:
    """As an operator's mistake would."""
    seed = seed_file(platform.state, PROVISIONER)
    async with connected(platform.nats_url, PROVISIONER, seed) as client:
        await asked(client, f"CONSUMER.DELETE.{stream}.{durable}")
