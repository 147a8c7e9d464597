"""A partner's program that does all the harm it can, at full speed, with its real key.

    python -m tests.trust.hostile FOLDER NATS_URL FRONT_URL SEED VICTIMS

FOLDER holds its keys; VICTIMS are the codes of others. On standard input it is told ids of others'
requests, one a line. It runs until it is ended. It yields to everybody else on this machine, since
a real one would have a machine of its own.
"""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.requests import AcceptReferral
from contracts.signing import Signer
from contracts.topology import API_PREFIX, OUT, inbox_prefix
from partners.kit import Keys, load
from tests.trust.forgery import a_request

HEAP = 400
MEBIBYTE = 1_000_000


@dataclass(slots=True)
class Hostile:
    """One organisation's key in the wrong hands."""

    keys: Keys
    url: str
    front: str
    victims: Sequence[str]
    random: Random
    stolen: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))

    async def run(self) -> None:
        """All at once, each again whenever it ends."""
        ways: tuple[Callable[[], Awaitable[None]], ...] = (
            self.floods_with_garbage,
            self.floods_with_what_is_signed,
            self.sends_a_megabyte,
            self.forges_acknowledgements,
            self.reads_slowly,
            self.connects_and_leaves,
            self.holds_connections_open,
            self.floods_the_front,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            for way in ways:
                group.create_task(_again(way))

    async def floods_with_garbage(self) -> None:
        """Bytes that mean nothing, under every subject that a request may have."""
        client = await self._connect()
        while True:
            for _ in range(HEAP):
                subject = self.random.choice(
                    ("in.referral.accept.v1", "in.consent.acknowledge.v1", "in.x.y.v1")
                )
                await client.publish(subject, self.random.randbytes(self.random.randint(0, 2_000)))
            await client.flush(30)

    async def floods_with_what_is_signed(self) -> None:
        """Well made, rightly signed, under ids of others, about referrals that it does not have."""
        client, signer = await self._connect(), Signer(self.keys.signing)
        while True:
            for _ in range(HEAP // 10):
                identity = self.random.choice(self.stolen) if self.stolen else str(uuid4())
                said = AcceptReferral(referral_id=uuid4())
                draft = a_request(said, me=self.keys.code, identity=UUID(identity)).signed(signer)
                headers = {**draft.headers, "Nats-Msg-Id": identity}
                await client.publish(draft.published, draft.body, headers=headers)
            await client.flush(30)

    async def sends_a_megabyte(self) -> None:
        """As much as one message may hold."""
        client, body = await self._connect(), bytes(MEBIBYTE)
        while True:
            await client.publish("in.referral.accept.v1", body)
            await client.flush(30)

    async def forges_acknowledgements(self) -> None:
        """For everything that anybody may have pulled."""
        client = await self._connect()
        for number in range(1_000_000_000):
            victim = self.random.choice(self.victims)
            reply = f"$JS.ACK.{OUT.name}.{victim}.1.{number}.{number}.1.0"
            await client.publish(reply, self.random.choice((b"+ACK", b"+TERM", b"+NXT")))
            if number % HEAP == 0:
                await client.flush(30)

    async def reads_slowly(self) -> None:
        """Asks for all of its feed, again and again, and takes nothing from the wire."""
        client = await self._connect()
        await client.subscribe(f"{inbox_prefix(self.keys.code)}.slow")
        pull = f"{API_PREFIX}.CONSUMER.MSG.NEXT.{OUT.name}.{self.keys.code}"
        await client.flush(5)
        client._transport._io_writer.transport.pause_reading()  # type: ignore[union-attr]  # connected by now
        while True:
            reply = f"{inbox_prefix(self.keys.code)}.slow"
            await client.publish(pull, b'{"batch": 10000, "expires": 30000000000}', reply=reply)
            await asyncio.sleep(0.05)

    async def connects_and_leaves(self) -> None:
        """Each time with its signature to be checked."""
        while True:
            client = await self._connect()
            await client.close()

    async def holds_connections_open(self) -> None:
        """Sockets that never say who they are, at both doors."""
        places = [urlsplit(one) for one in (self.url, self.front)]
        opened = []
        try:
            for nth in range(400):
                place = places[nth % 2]
                opened.append(await asyncio.open_connection(place.hostname, place.port))
            await asyncio.sleep(5)
        finally:
            for _, writer in opened:
                writer.close()

    async def floods_the_front(self) -> None:
        """Requests with tokens that are none, and bodies that are none."""
        place = urlsplit(self.front)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        body = self.random.randbytes(50_000)
        head = (
            "POST /intake/cases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x.y.z\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            while True:
                writer.write(head.encode() + body)
                await writer.drain()
                if not await reader.read(65_536):
                    return
        finally:
            writer.close()

    async def _connect(self) -> Client:
        return await nats.connect(
            self.url,
            nkeys_seed_str=self.keys.seed,
            inbox_prefix=inbox_prefix(self.keys.code),
            allow_reconnect=False,
            error_cb=_quiet,
            pending_size=64 * MEBIBYTE,
        )

    async def _listen(self) -> None:
        """What it is told of others' requests."""
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async for line in reader:
            self.stolen.append(line.decode().strip())


async def _again(way: Callable[[], Awaitable[None]]) -> None:
    while True:
        with suppress(NatsError, OSError):  # cut off: it comes again
            await way()
        await asyncio.sleep(0.01)


async def _quiet(_: Exception) -> None:
    """It does not care."""


def main(folder: str, url: str, front: str, seed: str, *victims: str) -> None:
    """Until ended."""
    os.nice(19)
    hostile = Hostile(load(Path(folder)), url, front, victims, Random(int(seed)))
    asyncio.run(hostile.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
