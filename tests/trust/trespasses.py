"""What a partner may never do, each as an attempt that answers whether it got through."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from tests.trust.worlds import ATTACKER, PATIENCE, VICTIM, World, asked

Trespass = Callable[[World], Awaitable[bool]]


async def pulls_anothers_feed(world: World) -> bool:
    answer = await world.call(f"CONSUMER.MSG.NEXT.OUT.{VICTIM}", {"batch": 1, "expires": 10**8})
    return answer is not None and "for BB" in str(answer)


async def reads_a_message_by_its_number(world: World) -> bool:
    return await world.call("STREAM.MSG.GET.OUT", {"seq": 2}) is not None


async def reads_the_last_message_of_anothers_subject(world: World) -> bool:
    subject = f"out.{VICTIM}.referral.offered.v1"
    return await world.call("STREAM.MSG.GET.OUT", {"last_by_subj": subject}) is not None


async def reads_directly(world: World) -> bool:
    return await world.call(f"DIRECT.GET.OUT.out.{VICTIM}.referral.offered.v1") is not None


async def reads_many_of_our_own_directly(world: World) -> bool:
    many = {"seq": 1, "batch": 10}
    answers = [await world.call(f"DIRECT.GET.{name}", many) for name in ("INTAKE", "INBOX")]
    return any(answer is not None for answer in answers)


async def looks_at_a_stream(world: World) -> bool:
    return await world.call("STREAM.INFO.OUT") is not None


async def lists_the_streams(world: World) -> bool:
    answer = await world.call("STREAM.NAMES")
    return answer is not None and bool(answer.get("streams"))


async def looks_at_anothers_consumer(world: World) -> bool:
    return await world.call(f"CONSUMER.INFO.OUT.{VICTIM}") is not None


async def creates_a_consumer_for_everything(world: World) -> bool:
    config = {"name": "spy", "filter_subject": "out.>", "ack_policy": "explicit"}
    body = {"stream_name": "OUT", "config": config}
    named = await world.call("CONSUMER.CREATE.OUT.spy.out.>", body)
    config = {**config, "durable_name": "spy"}
    durable = await world.call("CONSUMER.DURABLE.CREATE.OUT.spy", {**body, "config": config})
    return named is not None or durable is not None


async def lets_the_server_write_for_it(world: World) -> bool:
    """A push consumer delivers to any subject with the server's own rights."""
    before = await world.stored("INTAKE")
    config = {
        "durable_name": "push",
        "deliver_subject": "siraba.intake.case.registered.v1.0",
        "ack_policy": "none",
    }
    await world.call("CONSUMER.DURABLE.CREATE.OUT.push", {"stream_name": "OUT", "config": config})
    await asyncio.sleep(PATIENCE)
    return await world.stored("INTAKE") > before


async def deletes_anothers_consumer(world: World) -> bool:
    return await world.call(f"CONSUMER.DELETE.OUT.{VICTIM}") is not None


async def purges_the_feeds(world: World) -> bool:
    before = await world.stored("OUT")
    await world.call("STREAM.PURGE.OUT", {})
    return await world.stored("OUT") < before


async def deletes_a_message(world: World) -> bool:
    before = await world.stored("OUT")
    await world.call("STREAM.MSG.DELETE.OUT", {"seq": 2})
    return await world.stored("OUT") < before


async def deletes_a_stream(world: World) -> bool:
    return await world.call("STREAM.DELETE.REPORTING") is not None


async def changes_a_stream(world: World) -> bool:
    config = {"name": "REPORTING", "subjects": ["siraba.reporting.>"], "max_msgs": 1}
    return await world.call("STREAM.UPDATE.REPORTING", config) is not None


async def creates_a_stream(world: World) -> bool:
    return (
        await world.call("STREAM.CREATE.MINE", {"name": "MINE", "subjects": ["mine"]}) is not None
    )


async def takes_a_snapshot(world: World) -> bool:
    heard = await _listen(world.attacker, "stolen")
    body = {"deliver_subject": "stolen", "no_consumers": True}
    return await world.call("STREAM.SNAPSHOT.OUT", body) is not None or bool(heard)


async def acknowledges_for_another(world: World) -> bool:
    """B has pulled and works on it; A says it is done."""
    subject = f"{world.partner_api}.CONSUMER.MSG.NEXT.OUT.{VICTIM}"
    pull = b'{"batch": 1, "expires": 100000000}'
    message = await world.victim.request(subject, pull, timeout=2, old_style=True)
    with contextlib.suppress(NatsError):
        await world.attacker.publish(message.reply, b"+ACK")
        await world.attacker.flush(1)
    await asyncio.sleep(PATIENCE)
    return int((await world.consumer(VICTIM))["num_ack_pending"]) == 0


async def sends_in_anothers_name(world: World) -> bool:
    before = await world.stored("IN_BB")
    for subject in ("in.BB.referral.accept.v1", "IN_BB", "BB.in.referral.accept.v1"):
        await asked(world.attacker, subject, {})
    return await world.stored("IN_BB") > before


async def writes_into_a_feed(world: World) -> bool:
    before = await world.stored("OUT")
    await asked(world.attacker, f"out.{VICTIM}.referral.offered.v1", {})
    return await world.stored("OUT") > before


async def states_a_fact(world: World) -> bool:
    before = await world.stored("INTAKE")
    await asked(world.attacker, "siraba.intake.case.registered.v1.0", {})
    return await world.stored("INTAKE") > before


async def lets_an_answer_land_in_anothers_name(world: World) -> bool:
    """The server's acknowledgement is itself a message, on a subject the sender chooses."""
    before = await world.stored("IN_BB")
    request = f"{world.ingress(ATTACKER)}.referral.accept.v1"
    reply = "in.BB.referral.accept.v1"
    await world.attacker.publish(request, b"{}", reply=reply)
    await world.attacker.flush(1)
    await asyncio.sleep(PATIENCE)
    return await world.stored("IN_BB") > before


async def lets_a_delivery_land_in_anothers_name(world: World) -> bool:
    before = await world.stored("IN_BB")
    subject = f"{world.partner_api}.CONSUMER.MSG.NEXT.OUT.{ATTACKER}"
    await world.attacker.publish(subject, b'{"batch": 1}', reply="in.BB.referral.accept.v1")
    await world.attacker.flush(1)
    await asyncio.sleep(PATIENCE)
    return await world.stored("IN_BB") > before


async def overhears_another(world: World) -> bool:
    """Subscribes to everything while B sends a request and pulls its feed."""
    heard: list[str] = []
    for subject in (">", "out.>", "in.>", "_INBOX.>", "$JS.>", "siraba.>", "poke.>"):
        heard = await _listen(world.attacker, subject, heard)
    await asked(world.victim, f"{world.ingress(VICTIM)}.referral.accept.v1", {"secret": 1})
    pull = f"{world.partner_api}.CONSUMER.MSG.NEXT.OUT.{VICTIM}"
    await asked(world.victim, pull, {"batch": 1, "expires": 10**8})
    await asyncio.sleep(PATIENCE)
    return bool(heard)


async def asks_the_server_itself(world: World) -> bool:
    for subject in ("$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.PING.CONNZ"):
        answer = await asked(world.attacker, subject)
        if answer is not None and "BB" in str(answer):
            return True
    return await asked(world.attacker, "$SYS.REQ.ACCOUNT.BB.CONNZ") is not None


async def silences_another_with_its_message_id(world: World) -> bool:
    """A sends first under the id that B's message will carry."""
    headers = {"Nats-Msg-Id": "0192-the-id-B-will-use"}
    before = await world.stored("INBOX")
    for client, code in ((world.attacker, ATTACKER), (world.victim, VICTIM)):
        subject = f"{world.ingress(code)}.referral.accept.v1"
        await client.request(subject, b"{}", timeout=2, headers=headers)
    for _ in range(20):
        await asyncio.sleep(PATIENCE / 5)
        if await world.stored("INBOX") == before + 2:
            return False
    return True


async def wakes_a_relay(world: World) -> bool:
    """Harmless by itself, but nothing of a partner's may reach our core subjects."""
    heard = await _listen(world.services, "poke.referral")
    await world.attacker.publish("poke.referral", b"")
    await world.attacker.flush(1)
    await asyncio.sleep(PATIENCE)
    return bool(heard)


async def _listen(client: Client, subject: str, heard: list[str] | None = None) -> list[str]:
    """Note the subject of whatever arrives and is not the listener's own answer."""
    found: list[str] = [] if heard is None else heard

    async def note(message: Msg) -> None:
        found.append(f"{message.subject} {message.data!r}")

    with contextlib.suppress(NatsError):
        await client.subscribe(subject, cb=note)
        await client.flush(1)
    return found


TRESPASSES: tuple[Trespass, ...] = (
    pulls_anothers_feed,
    reads_a_message_by_its_number,
    reads_the_last_message_of_anothers_subject,
    reads_directly,
    reads_many_of_our_own_directly,
    looks_at_a_stream,
    lists_the_streams,
    looks_at_anothers_consumer,
    creates_a_consumer_for_everything,
    lets_the_server_write_for_it,
    deletes_anothers_consumer,
    purges_the_feeds,
    deletes_a_message,
    deletes_a_stream,
    changes_a_stream,
    creates_a_stream,
    takes_a_snapshot,
    acknowledges_for_another,
    sends_in_anothers_name,
    writes_into_a_feed,
    states_a_fact,
    lets_an_answer_land_in_anothers_name,
    lets_a_delivery_land_in_anothers_name,
    overhears_another,
    asks_the_server_itself,
    silences_another_with_its_message_id,
    wakes_a_relay,
)
