"""Two worlds with the same streams and messages: ours, and one as tutorials show it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.topology import PARTNER_API_PREFIX, Stream, all_durables, all_streams, out_subject
from deploy.drift import consumer_config, stream_config
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.processes import free_port
from tests.servers import open_folder, running_nats

CODES = ("AA", "BB")
ATTACKER, VICTIM = CODES
#: Seconds to wait for an answer: loopback answers in milliseconds, a refusal never does.
PATIENCE = 0.25


@dataclass(frozen=True, slots=True)
class World:
    """Who is there: an attacker with the rights of a partner, a victim, and a neutral observer."""

    attacker: Client
    victim: Client
    services: Client
    observer: Client
    #: What each partner writes before `<entity>.<verb>.v<n>`.
    ingress: Callable[[str], str]
    #: Prefixes under which JetStream's API may be reached by a partner.
    partner_api: str

    async def call(self, subject: str, body: object = None) -> dict[str, Any] | None:
        """A JetStream API call by the attacker, on every way it could know; None when refused."""
        for prefix in dict.fromkeys(("$JS.API", self.partner_api)):
            answer = await asked(self.attacker, f"{prefix}.{subject}", body)
            if answer is not None and "error" not in answer:
                return answer
        return None

    async def stored(self, stream: str) -> int:
        """How many messages a stream holds."""
        answer = await asked(self.observer, f"$JS.API.STREAM.INFO.{stream}")
        assert answer is not None
        return int(answer["state"]["messages"])

    async def consumer(self, name: str, stream: str = "OUT") -> dict[str, Any]:
        """A consumer's state."""
        answer = await asked(self.observer, f"$JS.API.CONSUMER.INFO.{stream}.{name}")
        assert answer is not None
        return answer


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
async def our_world() -> AsyncIterator[World]:
    """The configuration and streams that the platform generates."""
    with running_nats(CODES, provisioned=False) as server:
        assert (await server.provision()).clean
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            world = World(
                await enter(server.partner(ATTACKER)),
                await enter(server.partner(VICTIM)),
                services=await enter(server.user("referral")),
                observer=await enter(server.user("ops")),
                ingress=lambda _: "in",
                partner_api=PARTNER_API_PREFIX,
            )
            await _fill(world)
            yield world


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
            async with _tutorial_clients(server.url) as world:
                await _declare(world.services)
                await _fill(world)
                yield world
        finally:
            server.stop()


@asynccontextmanager
async def _tutorial_clients(url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:

        async def login(name: str, password: str) -> Client:
            return await stack.enter_async_context(_login(url, name, password))

        yield World(
            await login(ATTACKER, "x"),
            await login(VICTIM, "x"),
            services=await login("core", "core"),
            observer=await login("core", "core"),
            ingress=lambda code: f"in.{code}",
            partner_api="$JS.API",
        )


@asynccontextmanager
async def _login(url: str, name: str, password: str) -> AsyncIterator[Client]:
    async def silent(_: Exception) -> None:
        """Refusals are expected."""

    client = await nats.connect(url, user=name, password=password, error_cb=silent)
    try:
        yield client
    finally:
        await client.close()


async def _declare(client: Client) -> None:
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


async def _fill(world: World) -> None:
    """One message for the attacker's feed, three for the victim's."""
    jetstream = world.services.jetstream(timeout=5)
    for number, code in enumerate((ATTACKER, VICTIM, VICTIM, VICTIM)):
        subject = out_subject(code, "referral.offered", 1)
        await jetstream.publish(subject, b"for " + code.encode(), headers={"n": str(number)})
