"""Reads a whole stream as it lies on the server, without touching any consumer of the platform."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.topology import inbox_prefix
from deploy.jetstream import asked, connected
from deploy.keys import PROVISIONER

QUIET_SECONDS = 10.0
BITS_A_SECOND = 80_000_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One message, at its place in the stream."""

    sequence: int
    subject: str
    headers: dict[str, str]
    body: bytes
    #: When the server stored it.
    at: datetime = _LONG_AGO

    @property
    def origin(self) -> tuple[str, int]:
        """Of a message of INBOX: the stream and place it came from."""
        stream, sequence = self.headers["Nats-Stream-Source"].split(" ")[:2]
        return stream.partition(":")[0], int(sequence)

    @property
    def id(self) -> str:
        return self.headers["ce-id"]

    @property
    def name(self) -> str:
        """`<entity>.<event>`."""
        return self.headers["ce-type"].removeprefix("ml.siraba.").rpartition(".")[0]

    @property
    def place(self) -> str:
        return self.headers["ce-subject"]


async def read_streams(url: str, seed: Path, names: Sequence[str]) -> dict[str, list[Stored]]:
    """Every message of these streams, oldest first, as the provisioner may have them pushed."""
    async with connected(url, PROVISIONER, seed) as client:
        return {name: await _read(client, name) for name in names}


async def _read(client: Client, stream: str) -> list[Stored]:
    info = await asked(client, f"STREAM.INFO.{stream}")
    count = info["state"]["messages"]
    target = f"{inbox_prefix(PROVISIONER)}.audit.{stream}"
    arrived: asyncio.Queue[Msg] = asyncio.Queue()

    async def note(message: Msg) -> None:
        arrived.put_nowait(message)

    subscription = await client.subscribe(
        target, cb=note, pending_msgs_limit=-1, pending_bytes_limit=-1
    )
    config = {
        "name": f"audit-{stream}",
        "deliver_subject": target,
        "deliver_policy": "all",
        "ack_policy": "none",
        "replay_policy": "instant",
        # Faster than we can read, the server would cut us off as a slow consumer.
        "rate_limit_bps": BITS_A_SECOND,
        "mem_storage": True,
        "inactive_threshold": 30_000_000_000,
    }
    body = {"stream_name": stream, "config": config}
    await asked(client, f"CONSUMER.CREATE.{stream}.audit-{stream}", body)
    found = []
    try:
        for _ in range(count):
            async with asyncio.timeout(QUIET_SECONDS):
                found.append(_stored(await arrived.get()))
    finally:
        # Whoever reads again, since one was taken out meanwhile, is not to go on from here.
        await subscription.unsubscribe()
        await asked(client, f"CONSUMER.DELETE.{stream}.audit-{stream}")
    return found


def _stored(message: Msg) -> Stored:
    return Stored(
        sequence=message.metadata.sequence.stream,
        subject=message.subject,
        headers=dict(message.headers or {}),
        body=message.data,
        at=message.metadata.timestamp,
    )
