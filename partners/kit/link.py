"""The line to the platform: one key, one feed, one subject to ask on, and nothing else.

An organisation's account holds four rights (MSG.NEXT, CONSUMER.INFO and ACK of its own durable, and
publishing below `in.`), so nothing here creates or looks up a stream or a consumer.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext

from contracts.topology import PARTNER_API_PREFIX, feed_durable, inbox_prefix
from partners.kit.errors import NotAdmitted, Unreachable
from partners.kit.keys import Keys
from partners.kit.raw import Raw
from partners.kit.waits import any_of, first_of, while_up
from partners.kit.watch import LOG, NoEncryption, Watch

BATCH = 20
ANSWER_SECONDS = 5.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the platform listens; `ca` is a PEM file with the authority that signed its key."""

    url: str
    ca: Path | None = None

    @property
    def shown(self) -> str:
        """Host and port only: a URL may carry a password."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or 4222}"

    @property
    def needs_tls(self) -> bool:
        """Always off this machine: whoever strips the encryption must not get a signature."""
        parts = urlsplit(self.url)
        return self.ca is not None or parts.scheme == "tls" or parts.hostname not in LOOPBACK


class CarefulClient(Client):
    """nats-py connects in clear, even for `tls://`, when the server does not ask for TLS."""

    needs_tls = False

    def _connect_command(self) -> bytes:
        if self.needs_tls and not self._server_info.get("tls_required"):
            raise NoEncryption
        return super()._connect_command()


class Link:
    """An open connection with the organisation's key."""

    in_order = False
    door = "nats"

    def __init__(self, *, client: Client, watch: Watch, code: str):
        self.watch = watch
        self._client = client
        self._code = code
        self._jetstream = client.jetstream(prefix=PARTNER_API_PREFIX, timeout=ANSWER_SECONDS)
        self._feed: JetStreamContext.PullSubscription | None = None
        self._silent = False
        self._born: str | None = None
        self._born_of = 0

    @classmethod
    async def open(cls, keys: Keys, address: Address, *, patience: float | None) -> Self:
        """Connect; waits `patience` seconds for the platform, for ever when None.

        Raises `NotAdmitted` for a key the platform does not know, `Unreachable` when time is up.
        """
        watch = Watch(address.shown)
        client = CarefulClient()
        client.needs_tls = address.needs_tls
        attempt = asyncio.create_task(_connect(client, watch, keys=keys, address=address))
        try:
            await first_of(attempt, watch, patience=patience)
        except BaseException:
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            await client.close()
            raise
        await watch.connected()
        return cls(client=client, watch=watch, code=keys.code)

    async def pull(self, wait: float) -> list[Raw]:
        """Up to BATCH messages of the own feed, or none after `wait` seconds.

        Raises `NotAdmitted` when the platform has cut this key off.
        """
        self._check()
        if not self.watch.up.is_set():
            # A pull asked for now would pile up in the client and arrive all at once later.
            await any_of(self.watch.up, self.watch.over, timeout=wait)
            return []
        try:
            feed = await self._subscription()
            found = await while_up(feed.fetch(BATCH, timeout=wait), self.watch) or []
            self._silent = False
            return [_raw(message) for message in found]
        except (TimeoutError, nats.errors.TimeoutError):
            return []
        except nats.errors.ConnectionClosedError:
            self._check()
            raise
        except (nats.errors.Error, nats.js.errors.Error) as error:
            self._tell_silence(error)
            await asyncio.sleep(min(wait, 1.0))
            return []

    async def check_feed(self, *, patience: float) -> None:
        """Make sure that there is a feed.

        Raises `NotAdmitted` when none is there for this key and code. A platform that has just
        started answers nobody for a moment, so this asks again for `patience` seconds.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while True:
            try:
                await self._look()
                return
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
                self._check()
                if loop.time() > end:
                    raise self._no_feed(error) from None
                self._tell_silence(error)
                await asyncio.sleep(0.2)

    async def birth(self) -> str | None:
        """See `Line`: asked anew after each loss of the connection, for a broker may come back empty."""
        if self._born_of != self.watch.times_up:
            try:
                await self._look()
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
                return None  # as long as the platform has not made the feed anew
        return self._born

    async def publish(self, subject: str, body: bytes, *, headers: Mapping[str, str]) -> None:
        """Send, and return once the platform has it on disk.

        Raises `Unreachable` when that is not sure, `NotAdmitted` when nobody takes it.
        """
        self._check()
        if not self.watch.up.is_set():
            raise Unreachable(f"no connection to {self.watch.where}")
        try:
            confirmed = await while_up(
                self._jetstream.publish(
                    subject, body, timeout=ANSWER_SECONDS, headers=dict(headers)
                ),
                self.watch,
            )
        except nats.js.errors.NoStreamResponseError:
            raise NotAdmitted(self._unknown()) from None
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise Unreachable(
                f"{self.watch.where} has not confirmed the request ({type(error).__name__})"
            ) from None
        if confirmed is None:
            raise Unreachable(f"lost {self.watch.where} before it confirmed the request")

    async def acknowledge(self, message: Raw) -> None:
        """Tell the platform that this message need not come again.

        An acknowledgement that gets lost costs one more delivery, which the ledger recognises.
        """
        try:
            await message.token.ack()
        except nats.errors.Error:
            LOG.info("an acknowledgement was not sent; the message will come once more")

    async def postpone(self, message: Raw, *, seconds: float) -> None:
        """Have this message again after so long."""
        try:
            await message.token.nak(delay=seconds)
        except nats.errors.Error:
            LOG.info("a message was not postponed; it comes again by itself")

    async def rewind(self, since: datetime) -> None:
        """See `Line`: NATS keeps the place."""

    async def close(self) -> None:
        """Send what is still to be sent and leave."""
        if self.watch.up.is_set():
            try:
                await while_up(self._client.flush(timeout=2), self.watch)
            except (nats.errors.Error, TimeoutError):
                LOG.info("the last acknowledgements were not sent; those messages come once more")
        await self._client.close()

    async def _look(self) -> None:
        """See when the own feed was made. Raises nats-py's errors."""
        durable, times_up = feed_durable(self._code), self.watch.times_up
        asked = self._jetstream.consumer_info(durable.stream, durable.name)
        info = await while_up(asked, self.watch)
        if info is None:
            raise nats.errors.ConnectionClosedError
        self._born, self._born_of = str(info.created), times_up

    async def _subscription(self) -> JetStreamContext.PullSubscription:
        if self._feed is None:
            durable = feed_durable(self._code)
            self._feed = await self._jetstream.pull_subscribe_bind(
                durable.name, stream=durable.stream
            )
        return self._feed

    def _tell_silence(self, error: Exception) -> None:
        if not self._silent:
            self._silent = True
            LOG.warning("the feed does not answer (%s); trying again", type(error).__name__)

    def _check(self) -> None:
        if self.watch.verdict is not None:
            raise self.watch.verdict

    def _no_feed(self, error: Exception) -> Exception:
        if isinstance(error, nats.js.errors.NotFoundError):
            return NotAdmitted(
                f"{self.watch.where} knows this key but has no feed for {self._code} yet:"
                " ask its operator to run the provisioning"
            )
        if isinstance(error, nats.js.errors.ServiceUnavailableError):
            return NotAdmitted(self._unknown())
        return Unreachable(f"{self.watch.where} does not answer ({type(error).__name__})")

    def _unknown(self) -> str:
        return (
            f"nobody at {self.watch.where} takes messages from this key as {self._code}: the"
            " platform does not know this key under this code, or has not finished starting"
        )


def _raw(message: Msg) -> Raw:
    metadata = message.metadata
    return Raw(
        subject=message.subject,
        headers=message.headers or {},
        body=message.data,
        sequence=metadata.sequence.stream,
        recorded_at=metadata.timestamp,
        tries=metadata.num_delivered,
        token=message,
    )


async def _connect(client: Client, watch: Watch, *, keys: Keys, address: Address) -> None:
    await client.connect(
        address.url,
        name=f"siraba-partner {keys.code}",
        nkeys_seed_str=keys.seed,
        inbox_prefix=inbox_prefix(keys.code),
        tls=ssl.create_default_context(cafile=str(address.ca)) if address.ca else None,
        # For ever: also the first time, which `Link.open` bounds.
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=10,
        error_cb=watch.error,
        disconnected_cb=watch.disconnected,
        reconnected_cb=watch.connected,
        closed_cb=watch.lost,
    )
