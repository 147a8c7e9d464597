"""The feed by NATS: a durable pull consumer, as the platform gives every organisation one."""

from typing import Final

from nats.aio.msg import Msg
from nats.js import api

from contracts.topology import OUT, feed_durable
from partners.conformance.sandbox import Sandbox

ACK_SECONDS: Final = 2.0
#: What ends a delivery for good: an ack in its two spellings, or word that it cannot be handled.
_ENDS: Final = (b"", b"+ACK", b"+TERM")


class NatsDoor:
    """See `Door`; the program speaks to the sandbox's server itself."""

    def __init__(self, sandbox: Sandbox):
        self.url = sandbox.url
        self.ended: set[int] = set()
        self._sandbox = sandbox
        self._durable = feed_durable(sandbox.code)

    async def open(self) -> None:
        """Make the feed, and hear which messages the program is done with."""
        await self._make()
        subject = f"$JS.ACK.{OUT.name}.{self._durable.name}.>"
        await self._sandbox.client.subscribe(subject, cb=self._hear)
        await self._sandbox.client.flush()

    async def is_awaited(self) -> bool:
        """See `Door`."""
        return bool((await self._feed()).num_waiting)

    async def ended_up_to(self) -> int:
        """See `Door`."""
        floor = (await self._feed()).ack_floor
        return floor.stream_seq if floor else 0

    async def rewind(self) -> None:
        """See `Door`."""
        await self._sandbox.jetstream.delete_consumer(OUT.name, self._durable.name)
        await self._make()

    async def lose_words(self, lost: bool) -> None:
        """See `Door`."""
        await self._sandbox.lose_acks(lost)

    async def has_repeated(self) -> bool:
        """See `Door`."""
        return bool((await self._feed()).num_redelivered)

    async def _feed(self) -> api.ConsumerInfo:
        jetstream = self._sandbox.jetstream
        info: api.ConsumerInfo = await jetstream.consumer_info(OUT.name, self._durable.name)
        return info

    async def _make(self) -> None:
        await self._sandbox.jetstream.add_consumer(
            self._durable.stream,
            durable_name=self._durable.name,
            filter_subject=self._durable.filter_subjects[0],
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ACK_SECONDS,
            max_deliver=self._durable.max_deliver,
            max_ack_pending=self._durable.max_ack_pending,
        )

    async def _hear(self, message: Msg) -> None:
        if message.data.split(b" ")[0] in _ENDS:
            # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>. …
            self.ended.add(int(message.subject.split(".")[5]))
