"""Worlds with the same streams and messages: ours, and one as tutorials show it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from contracts.topology import (
    API_PREFIX,
    Stream,
    all_durables,
    all_streams,
    inbox_prefix,
    out_subject,
)
from deploy.drift import consumer_config, stream_config
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.processes import free_port
from deploy.jetstream import connected
from deploy.keys import OPERATIONS, seed_file
from tests.journeys.road import Road
from tests.servers import open_folder

CODES = ("AA", "BB")
#: Seconds to wait for an answer: loopback answers in milliseconds, a refusal never does.
PATIENCE = 0.25


@dataclass(slots=True)
class Intruder:
    """A connection, and what the server has refused it so far."""

    client: Client
    refusals: list[str] = field(default_factory=list)
    _refused: asyncio.Event = field(default_factory=asyncio.Event)

    async def note(self, error: Exception) -> None:
        """The client's `error_cb`."""
        self.refusals.append(str(error))
        self._refused.set()

    async def asks(self, subject: str, body: object = None) -> dict[str, Any] | None:
        """One request; None when nobody answers or nobody may."""
        self._refused.clear()
        asking = asyncio.create_task(asked(self.client, subject, body))
        refused = asyncio.create_task(self._refused.wait())
        await asyncio.wait((asking, refused), return_when=asyncio.FIRST_COMPLETED)
        refused.cancel()
        if asking.done():
            return asking.result()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return None

    async def says(
        self, subject: str, body: bytes = b"{}", *, reply: str = "", **headers: str
    ) -> None:
        """Publish, and wait until the server has read it. headers: `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()} or None
        with suppress(NatsError):
            await self.client.publish(subject, body, reply=reply, headers=named)
            await self.client.flush(1)

    async def hears(self, *subjects: str, queue: str = "") -> list[str]:
        """Subscribe; the list fills with the subject and body of whatever arrives."""
        found: list[str] = []

        async def hear(message: Msg) -> None:
            found.append(f"{message.subject} {message.data!r}")

        with suppress(NatsError):
            for subject in subjects:
                await self.client.subscribe(subject, queue=queue, cb=hear)
            await self.client.flush(1)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Who is there: an attacker with the rights of a partner, a victim, and a neutral observer."""

    me: str
    other: str
    attacker: Intruder
    victim: Client
    services: Client
    observer: Client
    url: str
    #: What each partner writes before `<entity>.<verb>.v<n>`.
    ingress: Callable[[str], str]
    #: One more connection of the attacker's.
    again: Callable[[], AbstractAsyncContextManager[Intruder]]
    #: Prefixes under which partners, services and the observer reach JetStream's API.
    api: str
    observer_api: str

    async def call(self, subject: str, body: object = None) -> dict[str, Any] | None:
        """A JetStream API call by the attacker, on every way it could know; None when refused."""
        for prefix in dict.fromkeys(("$JS.API", self.api)):
            answer = await self.attacker.asks(f"{prefix}.{subject}", body)
            if answer is not None and "error" not in answer:
                return answer
        return None

    async def count(self, subject: str, stream: str) -> int:
        """How many messages lie under this subject; 0 where there is no such stream."""
        question = {"subjects_filter": subject}
        place = f"{self.observer_api}.STREAM.INFO.{stream}"
        answer = await asked(self.observer, place, question) or {}
        return sum((answer.get("state", {}).get("subjects") or {}).values())

    async def consumer(self, name: str) -> dict[str, Any]:
        """The state of a feed's consumer; empty when it is gone."""
        place = f"{self.observer_api}.CONSUMER.INFO.OUT.{name}"
        answer = await asked(self.observer, place) or {}
        return {} if "error" in answer else answer

    async def taken(self) -> Msg:
        """The victim has pulled this one, and works on it."""
        subject = f"{self.api}.CONSUMER.MSG.NEXT.OUT.{self.other}"
        pull = b'{"batch": 1, "expires": 1000000000}'
        return await self.victim.request(subject, pull, timeout=2, old_style=True)

    async def fill(self) -> None:
        """One message for the attacker's feed, four for the victim's."""
        for code in (self.me, *(self.other,) * 4):
            await self.feed(code)

    async def feed(self, code: str) -> None:
        """One message for this feed."""
        jetstream = self.services.jetstream(prefix=self.observer_api, timeout=5)
        subject = out_subject(code, "referral.offered", 1)
        await jetstream.publish(subject, b"for " + code.encode())


async def asked(client: Client, subject: str, body: object = None) -> dict[str, Any] | None:
    """One request; None when nobody answers or nobody may."""
    payload = b"" if body is None else json.dumps(body).encode()
    try:
        # Its own subscription: a delivery keeps the stream's subject, which the shared one drops.
        message = await client.request(subject, payload, timeout=PATIENCE, old_style=True)
    except NatsError:
        return None
    if message.headers and "Status" in message.headers:
        return None
    try:
        document: dict[str, Any] = json.loads(message.data)
    except ValueError:
        return {"data": message.data.decode(errors="replace")}
    return document


@asynccontextmanager
async def our_world(road: Road, *, me: str, other: str) -> AsyncIterator[World]:
    """Two organisations of a running platform."""
    url, state = road.platform.nats_url, road.platform.state
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        world = World(
            me=me,
            other=other,
            attacker=await enter(intruder(road, me)),
            victim=(await enter(intruder(road, other))).client,
            services=await enter(connected(url, "referral", seed_file(state, "referral"))),
            observer=await enter(connected(url, OPERATIONS, seed_file(state, OPERATIONS))),
            url=url,
            again=lambda: intruder(road, me),
            ingress=lambda _: "in",
            api=API_PREFIX,
            observer_api=API_PREFIX,
        )
        await world.fill()
        yield world


@asynccontextmanager
async def intruder(road: Road, code: str) -> AsyncIterator[Intruder]:
    """A connection with an organisation's real key."""
    seed, prefix = road.keys[code].seed, inbox_prefix(code)
    async with login(road.platform.nats_url, nkeys_seed_str=seed, inbox_prefix=prefix) as found:
        yield found


_TUTORIAL = """
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor}"
jetstream {{ store_dir: "{store}" }}
authorization {{ users: [
  {{ user: core, password: core }}
  {{ user: AA, password: x, permissions: {{
     publish: ["in.AA.>", "$JS.API.>", "$JS.ACK.>"], subscribe: ["out.AA.>", "_INBOX.>"] }} }}
  {{ user: BB, password: x, permissions: {{
     publish: ["in.BB.>", "$JS.API.>", "$JS.ACK.>"], subscribe: ["out.BB.>", "_INBOX.>"] }} }}
] }}
"""


@asynccontextmanager
async def tutorial_world() -> AsyncIterator[World]:
    """One account, and the wide rights that many examples grant."""
    with open_folder() as folder:
        port, monitor = free_port(), free_port()
        config = folder / "nats.conf"
        config.write_text(_TUTORIAL.format(port=port, monitor=monitor, store=folder / "store"))
        server = EmbeddedNats(config, port=port, monitor_port=monitor, log=folder / "log")
        server.start()
        try:
            async with _tutorial(server.url) as world:
                await declare(world.services)
                await world.fill()
                yield world
        finally:
            server.stop()


@asynccontextmanager
async def _tutorial(url: str) -> AsyncIterator[World]:
    me, other = CODES
    async with AsyncExitStack() as stack:

        async def known(name: str, password: str) -> Intruder:
            return await stack.enter_async_context(login(url, user=name, password=password))

        yield World(
            me=me,
            other=other,
            attacker=await known(me, "x"),
            victim=(await known(other, "x")).client,
            services=(await known("core", "core")).client,
            observer=(await known("core", "core")).client,
            url=url,
            again=lambda: login(url, user=me, password="x"),
            ingress=lambda code: f"in.{code}",
            api="$JS.API",
            observer_api="$JS.API",
        )


@asynccontextmanager
async def login(url: str, **credentials: str) -> AsyncIterator[Intruder]:
    """Connect; what the server refuses from then on is noted."""
    client = Client()
    found = Intruder(client)
    try:
        await client.connect(url, allow_reconnect=False, error_cb=found.note, **credentials)  # type: ignore[arg-type]  # names of its own options
        yield found
    finally:
        await client.close()
        if client._transport is not None:  # left open where the server closed first
            client._transport.close()  # type: ignore[no-untyped-call]  # the package's own


async def declare(client: Client) -> None:
    """The streams and consumers that we have, with the settings that tutorials give them."""
    for stream in all_streams(CODES):
        config = stream_config(_as_tutorials_do(stream))
        await asked(client, f"$JS.API.STREAM.CREATE.{stream.name}", config)
    for durable in all_durables(CODES):
        body = {"stream_name": durable.stream, "config": consumer_config(durable)}
        subject = f"$JS.API.CONSUMER.DURABLE.CREATE.{durable.stream}.{durable.name}"
        await asked(client, subject, body)


def _as_tutorials_do(stream: Stream) -> Stream:
    window = timedelta(minutes=2)
    return replace(stream, duplicate_window=window, deny_delete=False, deny_purge=False)
