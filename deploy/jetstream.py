"""A small raw client of JetStream's management API: what nats-py's own classes leave out."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from chassis.line import Server, abandon, careful_client
from contracts.topology import API_PREFIX, inbox_prefix
from deploy.embedded.processes import ServerError
from deploy.keys import PROVISIONER
from deploy.settings import PlatformSettings

Answer = dict[str, Any]


class JetStreamError(ServerError):
    """The server refused a management request; holds its code and its words."""

    def __init__(self, subject: str, error: Mapping[str, Any]) -> None:
        super().__init__(f"{subject}: {error.get('description')} ({error.get('err_code')})")
        self.err_code = error.get("err_code")


def client_name(user: str) -> str:
    """What a connection of one of our users is called."""
    return f"siraba-{user}"


@asynccontextmanager
async def connected(url: str, user: str, seed: Path) -> AsyncIterator[Client]:
    """A connection as one of our users; ServerError when it cannot be made within seconds."""
    tls = Server(url, PlatformSettings().nats_ca_file).tls
    client = careful_client(is_encrypted=tls is not None)
    try:
        await client.connect(
            url,
            tls=tls,
            nkeys_seed_str=seed.read_text("ascii").strip(),
            inbox_prefix=inbox_prefix(user),
            name=client_name(user),
            connect_timeout=5,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; nats-py sleeps by it
            allow_reconnect=False,
            error_cb=_quiet,
        )
    except (OSError, NatsError) as error:
        abandon(client)
        raise ServerError(f"NATS at {url} as {user}: {type(error).__name__}") from None
    except asyncio.CancelledError:
        abandon(client)
        raise
    try:
        yield client
    finally:
        await client.close()


async def asked(client: Client, subject: str, body: Mapping[str, Any] | None = None) -> Answer:
    """One request to JetStream's API; JetStreamError when it is refused."""
    answer = await raw(client, f"{_api_of(client)}.{subject}", body)
    if "error" in answer:
        raise JetStreamError(subject, answer["error"])
    return answer


def _api_of(client: Client) -> str:
    """The provisioner alone lives where the streams are."""
    return "$JS.API" if client.options["name"] == client_name(PROVISIONER) else API_PREFIX


async def raw(client: Client, subject: str, body: Mapping[str, Any] | None = None) -> Answer:
    """One request and its JSON answer; ServerError when nobody answers."""
    try:
        message = await client.request(subject, json.dumps(body or {}).encode(), timeout=10)
    except NatsError as error:
        raise ServerError(f"{subject}: {type(error).__name__}") from None
    answer: Answer = json.loads(message.data)
    return answer


async def server_asked(
    client: Client, endpoint: str, body: Mapping[str, Any] | None = None
) -> Answer:
    """One request to the server's own API (`VARZ`, `ACCOUNTZ`, `RELOAD`…), as the system user."""
    identity = await raw(client, "$SYS.REQ.SERVER.PING.VARZ")
    subject = f"$SYS.REQ.SERVER.{identity['server']['id']}.{endpoint}"
    answer = await raw(client, subject, body)
    if "error" in answer:
        raise JetStreamError(endpoint, answer["error"])
    data: Answer = answer.get("data", {})
    return data


async def live_streams(client: Client) -> dict[str, Answer]:
    """Configuration of every stream, by name."""
    return {name: entry["config"] for name, entry in (await listed_streams(client)).items()}


async def listed_streams(client: Client) -> dict[str, Answer]:
    """Configuration and state of every stream, by name."""
    found = await _listed(client, "STREAM.LIST", key="streams")
    return {entry["config"]["name"]: entry for entry in found}


async def live_consumers(client: Client, stream: str) -> dict[str, Answer]:
    """Configuration of every consumer of a stream, by name."""
    found = await consumers_of(client, stream)
    return {name: entry["config"] for name, entry in found.items()}


async def consumers_of(client: Client, stream: str) -> dict[str, Answer]:
    """What the server says of every consumer of a stream, by name."""
    found = await _listed(client, f"CONSUMER.LIST.{stream}", key="consumers")
    return {entry["name"]: entry for entry in found}


async def _listed(client: Client, subject: str, *, key: str) -> list[Answer]:
    entries: list[Answer] = []
    while True:
        page = await asked(client, subject, {"offset": len(entries)})
        entries += page.get(key) or []
        if not page.get(key) or len(entries) >= page["total"]:
            return entries


async def _quiet(_: Exception) -> None:
    """Errors come back from the calls themselves; nats-py would print a traceback as well."""
