"""Without a window for each source, a flood in two ingress streams is in front of everybody."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
from nats.aio.client import Client

from contracts.topology import inbox_stream, ingress_stream, source_durable
from deploy.drift import consumer_config, consumer_subject, stream_config
from deploy.jetstream import asked
from deploy.keys import PROVISIONER
from tests.servers import NatsServer
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("partners")]
Start = Callable[..., NatsServer]
CODES = ("FLOOD_A", "FLOOD_B", "HONEST")
FLOOD = 4_000


async def test_an_inbox_that_draws_as_the_server_pleases_lets_a_flood_hold_up_the_honest(
    nats_server: Start,
) -> None:
    inbox = stream_config(inbox_stream(CODES))
    ours = await longest_wait(nats_server, inbox)
    plain = {**inbox, "sources": [{"name": one["name"]} for one in inbox["sources"]]}
    servers = await longest_wait(nats_server, plain)

    say(f"the honest wait {ours:.2f} s at most, and {servers:.2f} s without windows")
    assert servers > 2 * ours


async def longest_wait(start: Start, inbox: dict[str, Any]) -> float:
    """Of an honest organisation's messages, one by one, until the floods have gone through."""
    server = start(*CODES, provisioned=False)
    async with server.user(PROVISIONER) as client, server.partner("HONEST") as honest:
        for code in CODES:
            stream = ingress_stream(code)
            await asked(client, f"STREAM.CREATE.{stream.name}", stream_config(stream))
            durable = source_durable(stream.name)
            body = {"stream_name": stream.name, "config": consumer_config(durable)}
            await asked(client, consumer_subject(durable), body)
        for code in CODES[:2]:
            async with server.partner(code) as flooding:
                await _flood(flooding)
        await asked(client, "STREAM.CREATE.INBOX", inbox)
        waits: list[float] = []
        while await _count(client, "in.*.flood.>") < 2 * FLOOD:
            waits.append(await _wait(client, honest, nth=len(waits)))
        return max(waits)


async def _flood(client: Client) -> None:
    for _ in range(FLOOD // 100):
        asking = (client.request("in.flood.x.v1", bytes(1_000), timeout=15) for _ in range(100))
        await asyncio.gather(*asking)


async def _wait(client: Client, honest: Client, *, nth: int) -> float:
    began, name = monotonic(), f"honest.n{nth}.v1"
    await honest.request(f"in.{name}", b"{}", timeout=15)
    async with asyncio.timeout(60):
        while not await _count(client, f"in.HONEST.{name}"):
            await asyncio.sleep(0.01)
    return monotonic() - began


async def _count(client: Client, subject: str) -> int:
    info = await asked(client, "STREAM.INFO.INBOX", {"subjects_filter": subject})
    return sum((info["state"].get("subjects") or {}).values())
