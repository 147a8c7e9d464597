"""Bytes that a partner may send and that a client library would take for something else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from nats.aio.client import Client

from chassis.assembly import Parts
from chassis.deliveries import plain
from chassis.ending import end
from chassis.inbox.sweep import Sweep
from contracts.requests import AcceptReferral
from tests.builders import request_headers
from tests.chassis.test_requests import NAME, STREAM, Told, a_consumer, send
from tests.parts import Site, effects, make_effects, until

pytestmark = pytest.mark.share("fire")

A, B = "POLICE_A", "SHELTER_B"


async def send_raw(client: Client, *, subject: bytes, head: bytes, body: bytes) -> None:
    """What no client library would let through: header bytes as they are."""
    block = b"NATS/1.0" + head + b"\r\n\r\n"
    sizes = b"%d %d" % (len(block), len(block) + len(body))
    assert client._transport is not None
    client._transport.write(b"HPUB " + subject + b" " + sizes + b"\r\n" + block + body + b"\r\n")
    await client.flush()


def lines(code: str, message: AcceptReferral) -> bytes:
    said = request_headers(code, message, stamped=False)
    return b"".join(f"\r\n{name}: {value}".encode() for name, value in said.items())


SUBJECT = b"in.referral.accept.v1"
HOSTILE = {
    "a status of the pull protocol": b"\r\nStatus: 409",
    "a status that means no messages": b"\r\nStatus: 404",
    "a status that means a heartbeat": b"\r\nStatus: 100",
    "an inline status": b" 409 Consumer Deleted",
    "an inline status that is no text": b" \xff\xfe\xfd rubbish",
    "an inline status with a description that is no text": b" 503 \xff\xfe",
    "a header that is no text": b"\r\nce-id: \xff\xfe\r\n\xff: x",
    "a header without a value": b"\r\nce-id\r\n:\r\n: x\r\nce-type:",
}


@asynccontextmanager
async def consuming(site: Site) -> AsyncIterator[Parts]:
    """referral's consumer of INBOX as it runs in the service."""
    await make_effects(site)
    parts = site.assembled("referral")
    consumer = a_consumer(parts, Told())
    consumer.subscribe()
    await parts.wire.start()
    burying = asyncio.create_task(Sweep(consumer).bury())
    try:
        yield parts
    finally:
        await end(burying)
        await parts.wire.stop()
        await parts.work.dispose()
        await parts.web.dispose()


async def settled(parts: Parts, count: int) -> None:
    async def holds() -> bool:
        info = await parts.wire.jetstream.consumer_info(STREAM, NAME)
        assert info.delivered is not None
        return info.delivered.stream_seq >= count and not info.num_pending + info.num_ack_pending

    await until(holds)


async def test_a_message_dressed_up_as_the_protocol_is_settled_and_holds_nobody_back(
    site: Site,
) -> None:
    async with (
        site.server.partner(A) as hostile,
        site.server.partner(B) as honest,
        consuming(site) as parts,
    ):
        for nth, head in enumerate(HOSTILE.values(), start=1):
            message = AcceptReferral(referral_id=uuid4())
            for _ in range(3):
                await send(honest, B)
                await send_raw(hostile, subject=SUBJECT, head=head, body=b"")
            dressed = head + lines(A, message)
            await send_raw(hostile, subject=SUBJECT, head=dressed, body=message.encode())
            await send(honest, B)
            await settled(parts, 8 * nth)

        ((dead,),) = await site.rows("select count(*) from referral.dead_letters")
        honestly = await site.rows(
            "select count(*) from referral.inbox where source = :source", source=f"/partners/{B}"
        )
        assert honestly == [(4 * len(HOSTILE),)]
        assert dead + len(await effects(site)) == 8 * len(HOSTILE)
        assert parts.wire.is_connected


async def test_a_subject_that_is_no_text_does_not_end_the_connection(site: Site) -> None:
    async with (
        site.server.partner(A) as hostile,
        site.server.partner(B) as honest,
        consuming(site) as parts,
    ):
        await send_raw(hostile, subject=b"in.referral.\xff\xfe.v1", head=b"", body=b"x")
        await send(honest, B)
        await settled(parts, 2)

        assert len(await effects(site)) == 1
        assert await site.rows("select count(*) from referral.dead_letters") == [(1,)]
        assert parts.wire.is_connected


def test_what_the_server_itself_says_is_left_as_it_is() -> None:
    assert plain(b"NATS/1.0\r\nce-id: 7\r\n\r\n") == {"ce-id": "7"}
    assert plain(b"NATS/1.0 409 x\r\nSTATUS : 1\r\na:b\r\n\r\n") == {"a": "b"}


def test_headers_are_read_as_nats_py_reads_them() -> None:
    odd = (
        "ce-id:7",
        "a : b ",
        "two words: x",
        "\u00e9: x",
        "b:\u00a0é\t",
        "c",
        "d:",
        "a: again",
    )
    block = "".join(f"{line}\r\n" for line in odd).encode() + b"e: \xff\r\n\r\n"
    assert plain(b"NATS/1.0\r\n" + block) == Client._parse_header_lines(block)
