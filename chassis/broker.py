"""The one place that meets FastStream: connect for good, subscribe by batch, publish with proof."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import nats.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsMessage, PullSub
from faststream.nats.security import NatsNKey
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from chassis.deliveries import guard_deliveries, pull
from chassis.line import CarefulBroker, Server
from chassis.telemetry.logs import fault
from contracts.topology import API_PREFIX, READER_WINDOW, inbox_prefix

# A transaction and its round trips cost as much for one as for all, and two processes share a stream.
BATCH = READER_WINDOW // 2
PULL_SECONDS = 5.0
PUBLISH_SECONDS = 5.0
# When batches follow each other this fast, waiting a moment lets the next one carry more.
RUSH_SECONDS = 0.015
LINGER_SECONDS = 0.005
ACK_WAIT_SECONDS = 30.0

_LOST_ALREADY = (
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionReconnectingError,
    ConnectionError,
)

TakeBatch = Callable[[Sequence[Msg]], Awaitable[None]]
log = logging.getLogger("siraba.broker")


@dataclass(slots=True)
class Wire:
    """A service's connection to NATS, and what it may do there; nothing else touches the client."""

    name: str
    broker: CarefulBroker
    client: Client | None = None
    stopping: bool = False
    subscribers: list[tuple[Any, float]] = field(default_factory=list)

    async def start(self) -> None:
        """Connect and start the subscribers; waits for NATS as long as it takes."""
        self.client = await self.broker.connect()
        guard_deliveries(self.client)
        # One by one, not by the broker's own start: what follows a subscriber's start in the same
        # turn of the loop is before its first fetch, which else waits five seconds for a full batch.
        for subscriber, rest in self.subscribers:
            await subscriber.start()
            calm(subscriber.subscription, rest=rest)

    async def stop(self) -> None:
        """Let the batch in hand end, then leave."""
        self.stopping = True
        with suppress(*_LOST_ALREADY):
            await self.broker.stop()
        if self.client is not None:  # still there where the line was down, and so nothing to drain
            with suppress(*_LOST_ALREADY):
                await self.client.close()

    @property
    def is_connected(self) -> bool:
        """Whether the link is up right now."""
        return self.client is not None and self.client.is_connected

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream with a time-out longer than a leader election (FastStream's is 0.5 s)."""
        if self.client is None:
            raise nats.errors.ConnectionClosedError
        return self.client.jetstream(prefix=API_PREFIX, timeout=PUBLISH_SECONDS)

    async def poke(self, subject: str) -> None:
        """Wake a relay; lost is harmless, since relays also look once a second."""
        if self.client is not None and self.client.is_connected:
            await self.client.publish(subject, b"")

    async def on_poke(self, subject: str, wake: Callable[[], None]) -> None:
        """Call `wake` at each poke."""
        if self.client is None:
            raise nats.errors.ConnectionClosedError

        async def poked(_: Msg) -> None:
            wake()

        await self.client.subscribe(subject, cb=poked)

    async def read_again(self, stream: str, sequence: int) -> RawStreamMsg | None:
        """The original of a message that was put aside, or None when the stream has let it go."""
        try:
            return await self.jetstream.get_msg(stream, sequence)
        except NotFoundError:
            return None

    def consume(self, *, stream: str, durable: str, take: TakeBatch, rest: float = 0.0) -> None:
        """Hand whole batches of raw messages to `take`, which settles each by itself.

        rest: seconds to let messages gather after each batch, where nobody waits for them.
        """
        subscriber = self.broker.subscriber(
            ">",  # what is consumed is the durable's own filter, which only `deploy` declares
            stream=JStream(stream, declare=False),
            durable=durable,
            pull_sub=PullSub(batch_size=BATCH, timeout=PULL_SECONDS, batch=True),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            inbox_prefix=f"{inbox_prefix(self.name)}.".encode(),
            decoder=_raw,
        )
        self.subscribers.append((subscriber, rest))

        @subscriber
        async def handle(batch: Any) -> None:
            # What `_raw` leaves; as a NatsMessage, it would be fetched in a worker thread each time.
            await take(batch)


async def _raw(message: NatsMessage, original: Any = None) -> Any:
    """Leave the bodies alone: one bad body must not fail its whole batch (stack §1.3b)."""
    return message.raw_message


def open_wire(
    service: str, server: Server, *, seed_file: Path, on_lost: Callable[[], None]
) -> Wire:
    """A broker that reconnects for ever; `on_lost` ends the process when NATS closes on us."""

    async def closed() -> None:
        # Our own stop closes the client as well, and asks for nothing.
        if not wire.stopping:
            on_lost()

    async def failed(error: Exception) -> None:
        # The server's words name subjects and rights; anybody else's may hold a message's content.
        words = {"reason": str(error)} if isinstance(error, NatsError) else fault(error)
        log.warning("nats.error", extra=words)

    broker = CarefulBroker(
        server.url,
        security=NatsNKey(seed_file, ssl_context=server.tls),
        name=f"siraba-{service}",
        inbox_prefix=inbox_prefix(service),
        js_options={"prefix": API_PREFIX},
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=10,
        max_outstanding_pings=2,
        allow_reconnect=True,
        closed_cb=closed,
        error_cb=failed,
        ack_policy=AckPolicy.MANUAL,
        graceful_timeout=15.0,
        logger=None,
    )
    broker.needs_tls = server.tls is not None
    wire = Wire(service, broker)
    return wire


def calm(subscription: Any, *, rest: float) -> None:
    """Wrap `fetch` so that it neither spins nor waits to fill a batch.

    FastStream asks again for the rest of a partial batch until its time is up, which would cost
    every quiet message that time; and it hides errors in a loop without a pause, which would hang
    the process when the client closes or the consumer is gone (stack §1.4).
    """
    pause = 0.05
    handed_over, was_full = 0.0, False

    async def patient(batch: int = 1, timeout: float | None = None) -> list[Msg]:
        nonlocal pause, handed_over, was_full
        if batch < BATCH:
            raise nats.errors.TimeoutError
        if not was_full and (rest or monotonic() - handed_over < RUSH_SECONDS):
            await asyncio.sleep(rest or LINGER_SECONDS)
        try:
            messages = await pull(subscription, batch=batch, seconds=PULL_SECONDS)
        except TimeoutError:
            # Nothing came. One in thirty is asyncio's own, which is an OSError too: counted among
            # the faults below, it would make a consumer deaf for seconds after a quiet hour.
            raise nats.errors.TimeoutError from None
        except (nats.errors.Error, ServiceUnavailableError, APIError, OSError):
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
            raise nats.errors.TimeoutError from None
        pause, handed_over, was_full = 0.05, monotonic(), len(messages) == BATCH
        return messages

    subscription.fetch = patient
