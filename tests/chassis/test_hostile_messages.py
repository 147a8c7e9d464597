"""Bytes that a partner may send and that a client library would take for something else."""

import asyncio
from uuid import uuid4

import pytest
from nats.aio.client import Client

from chassis.inbox import Consumer
from contracts.requests import AcceptReferral
from tests.builders import request_headers, sent_subject
from tests.chassis.test_requests import NAME, STREAM, Told, a_consumer, send
from tests.parts import Site, effects, make_effects, until

A, B = "POLICE_A", "SHELTER_B"


async def send_raw(client: Client, *, subject: bytes, head: bytes, body: bytes) -> None:
    """What no client library would let through: header bytes as they are."""
    block = b"NATS/1.0" + head + b"\r\n\r\n"
    sizes = b"%d %d" % (len(block), len(block) + len(body))
    assert client._transport is not None
    client._transport.write(b"HPUB " + subject + b" " + sizes + b"\r\n" + block + body + b"\r\n")
    await client._transport.drain()
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


@pytest.mark.parametrize("how", HOSTILE)
async def test_a_message_dressed_up_as_the_protocol_ends_as_a_dead_letter_and_holds_nobody_back(
    site: Site, how: str
) -> None:
    await make_effects(site)
    told = Told()
    parts = site.assembled("referral")
    consumer: Consumer = a_consumer(parts, told)
    consumer.subscribe()
    async with site.server.partner(A) as hostile, site.server.partner(B) as honest:
        message = AcceptReferral(referral_id=uuid4())
        for _ in range(3):
            await send(honest, B)
        await send_raw(hostile, subject=SUBJECT, head=HOSTILE[how], body=b"")
        await send_raw(
            hostile, subject=SUBJECT, head=HOSTILE[how] + lines(A, message), body=message.encode()
        )
        for _ in range(3):
            await send(honest, B)
        await parts.wire.start()
        try:
            await until(lambda: _settled(parts), seconds=10)
            taken = await effects(site)
            assert len([1 for _ in taken]) in (6, 7)
            dead = await site.rows("select count(*) from referral.dead_letters")
            assert len(taken) + dead[0][0] == 8
            assert parts.wire.is_connected
        finally:
            await parts.wire.stop()
            await parts.work.dispose()
            await parts.web.dispose()


async def _settled(parts) -> bool:  # type: ignore[no-untyped-def]  # Parts
    info = await parts.wire.jetstream.consumer_info(STREAM, NAME)
    return info.delivered.stream_seq >= 8 and not info.num_pending and not info.num_ack_pending


async def test_a_subject_that_is_no_text_does_not_end_the_connection(site: Site) -> None:
    await make_effects(site)
    told = Told()
    async with (
        site.parts("referral") as parts,
        site.server.partner(A) as hostile,
        site.server.partner(B) as honest,
    ):
        consumer = a_consumer(parts, told)
        await send_raw(hostile, subject=b"in.referral.\xff\xfe.v1", head=b"", body=b"x")
        await asyncio.sleep(0.2)
        await send(honest, B)
        info = await parts.wire.jetstream.consumer_info(STREAM, NAME)
        assert (info.num_pending or 0) >= 1
        assert consumer.name
