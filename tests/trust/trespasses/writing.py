"""Attempts to speak, answer or acknowledge in another's name, and to use powers of headers."""

import asyncio
from uuid import uuid4

from nats.errors import Error as NatsError

from tests.trust.worlds import PATIENCE, World


async def sends_in_anothers_name(world: World) -> bool:
    name = _fresh()
    subjects = (f"in.{world.other}.{name}", f"IN_{world.other}.{name}", f"{world.other}.in.{name}")
    for subject in subjects:
        await world.attacker.asks(subject, {})
    return await world.count(f"in.{world.other}.{name}", f"IN_{world.other}") > 0


async def says_that_it_came_from_another(world: World) -> bool:
    """The header by which a stream says from which source it has a message."""
    name = _fresh()
    subject = f"{world.ingress(world.me)}.{name}"
    await world.attacker.says(subject, Nats_Stream_Source=f"IN_{world.other} 1 > >")
    await asyncio.sleep(PATIENCE)
    return await world.count(f"in.{world.other}.{name}", "INBOX") > 0


async def writes_into_a_feed(world: World) -> bool:
    subject = f"out.{world.other}.{_fresh()}"
    await world.attacker.asks(subject, {})
    return await world.count(subject, "OUT") > 0


async def states_a_fact(world: World) -> bool:
    subject = f"siraba.intake.{_fresh()}.0"
    await world.attacker.asks(subject, {})
    return await world.count(subject, "INTAKE") > 0


async def wakes_a_relay(world: World) -> bool:
    """Harmless by itself, but nothing of a partner's may reach our core subjects."""
    heard = await _heard_by_services(world, "poke.referral")
    await world.attacker.says("poke.referral", b"")
    await asyncio.sleep(PATIENCE)
    return bool(heard)


async def answers_in_our_place(world: World) -> bool:
    """Another waits for an answer, on a subject that can be guessed."""
    waiting = f"_INBOX_{world.other}.guessed"
    heard: list[str] = []

    async def hear(message: object) -> None:
        heard.append(str(message))

    await world.victim.subscribe(waiting, cb=hear)
    await world.victim.flush(1)
    await world.attacker.says(waiting, b'{"stream": "IN", "seq": 1}')
    await asyncio.sleep(PATIENCE)
    return bool(heard)


async def acknowledges_for_another(world: World) -> bool:
    return await _settles(world, b"+ACK")


async def refuses_for_another(world: World) -> bool:
    return await _settles(world, b"+TERM")


async def delays_for_another(world: World) -> bool:
    message = await world.taken()
    await world.attacker.says(message.reply, b'-NAK {"delay": 1}')
    await asyncio.sleep(PATIENCE)
    return int((await world.consumer(world.other))["num_redelivered"]) > 0


async def works_for_another(world: World) -> bool:
    """For ever at work: the message would never come again."""
    message = await world.taken()
    return await world.attacker.asks(message.reply, "+WPI") is not None


async def takes_the_next_with_anothers_acknowledgement(world: World) -> bool:
    message = await world.taken()
    heard = await world.attacker.hears("_INBOX.next")
    await world.attacker.says(message.reply, b"+NXT", reply="_INBOX.next")
    await asyncio.sleep(PATIENCE)
    return any(f"for {world.other}" in one for one in heard)


async def silences_another_with_its_message_id(world: World) -> bool:
    """It sends first under the id that the other's message will carry."""
    name, identity, arrives = _fresh(), uuid4().hex, False
    for client, code in ((world.attacker.client, world.me), (world.victim, world.other)):
        subject = f"{world.ingress(code)}.{name}"
        await client.request(subject, b"{}", timeout=2, headers={"Nats-Msg-Id": identity})
        arrives = await _arrives(world, f"in.{code}.{name}", "INBOX")
    return not arrives


async def empties_a_stream_by_a_header(world: World) -> bool:
    kept, subject = _fresh(), f"{world.ingress(world.me)}.{_fresh()}"
    await world.attacker.asks(f"{world.ingress(world.me)}.{kept}", {})
    await world.attacker.says(subject, Nats_Rollup="all")
    return await world.count(f"in.{world.me}.{kept}", f"IN_{world.me}") == 0


async def lets_its_own_request_vanish(world: World) -> bool:
    """What was sent must stay as long as others': a time to live would take the evidence away."""
    return await _takes_header(world, "Nats-TTL", "1s")


async def has_the_server_send_later(world: World) -> bool:
    target = f"in.{world.other}.{_fresh()}"
    subject = f"{world.ingress(world.me)}.{_fresh()}"
    await world.attacker.says(subject, Nats_Schedule="@every 1s", Nats_Schedule_Target=target)
    await asyncio.sleep(2 * PATIENCE)
    return await world.count(target, f"IN_{world.other}") > 0


async def has_its_trace_sent_to_another(world: World) -> bool:
    target = f"in.{world.other}.{_fresh()}"
    subject = f"{world.ingress(world.me)}.{_fresh()}"
    await world.attacker.says(subject, Nats_Trace_Dest=target)
    await asyncio.sleep(PATIENCE)
    return await world.count(target, f"IN_{world.other}") > 0


async def has_its_trace_sent_into_the_facts(world: World) -> bool:
    target = f"siraba.intake.{_fresh()}.0"
    await world.attacker.says(f"{world.ingress(world.me)}.{_fresh()}", Nats_Trace_Dest=target)
    await asyncio.sleep(PATIENCE)
    return await world.count(target, "INTAKE") > 0


async def claims_another_account(world: World) -> bool:
    """The server's own header about who asks (CVE-2026-33246)."""
    name = _fresh()
    claim = f'{{"acc": "{world.other}", "user": "{world.other}"}}'
    await world.attacker.says(f"{world.ingress(world.me)}.{name}", Nats_Request_Info=claim)
    await _arrives(world, f"in.{world.me}.{name}", "INBOX")
    return await world.count(f"in.{world.other}.{name}", "INBOX") > 0


async def opens_a_batch_where_none_is(world: World) -> bool:
    batch = {"Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"}
    return await _takes_header(world, "Nats-Batch-Id", "x", **batch)


def _fresh() -> str:
    """`<entity>.<verb>.v1`, as nobody has used it before."""
    return f"trespass.n{uuid4().hex}.v1"


async def _settles(world: World, word: bytes) -> bool:
    message = await world.taken()
    before = int((await world.consumer(world.other))["num_ack_pending"])
    await world.attacker.says(message.reply, word)
    await asyncio.sleep(PATIENCE)
    return int((await world.consumer(world.other))["num_ack_pending"]) < before


async def _takes_header(world: World, name: str, value: str, **more: str) -> bool:
    """Whether the server stores a request that claims this power."""
    subject = f"{world.ingress(world.me)}.{_fresh()}"
    headers = {name: value, **more}
    try:
        answer = await world.attacker.client.request(subject, b"{}", timeout=2, headers=headers)
    except NatsError:
        return False
    return b'"error"' not in answer.data


async def _arrives(world: World, subject: str, stream: str) -> bool:
    for _ in range(20):
        if await world.count(subject, stream):
            return True
        await asyncio.sleep(PATIENCE / 5)
    return False


async def _heard_by_services(world: World, subject: str) -> list[str]:
    heard: list[str] = []

    async def hear(_: object) -> None:
        heard.append(subject)

    await world.services.subscribe(subject, cb=hear)
    await world.services.flush(1)
    return heard
