"""Attempts to see what is another's: streams, messages, consumers, and what passes by."""

import asyncio

from tests.trust.worlds import PATIENCE, World, asked


async def pulls_anothers_feed(world: World) -> bool:
    pull = {"batch": 1, "expires": 10**8}
    answer = await world.call(f"CONSUMER.MSG.NEXT.OUT.{world.other}", pull)
    return answer is not None and f"for {world.other}" in str(answer)


async def reads_a_message_by_its_number(world: World) -> bool:
    return await world.call("STREAM.MSG.GET.OUT", {"seq": 2}) is not None


async def reads_the_last_message_of_anothers_subject(world: World) -> bool:
    subject = f"out.{world.other}.referral.offered.v1"
    return await world.call("STREAM.MSG.GET.OUT", {"last_by_subj": subject}) is not None


async def reads_directly(world: World) -> bool:
    return await world.call(f"DIRECT.GET.OUT.out.{world.other}.referral.offered.v1") is not None


async def reads_many_of_our_own_directly(world: World) -> bool:
    many = {"seq": 1, "batch": 10}
    answers = [await world.call(f"DIRECT.GET.{name}", many) for name in ("INTAKE", "INBOX", "OUT")]
    return any(answer is not None for answer in answers)


async def looks_at_a_stream(world: World) -> bool:
    return await world.call("STREAM.INFO.OUT") is not None


async def lists_the_streams(world: World) -> bool:
    answers = [await world.call("STREAM.NAMES"), await world.call("STREAM.LIST")]
    return any(answer is not None and answer.get("streams") for answer in answers)


async def looks_at_anothers_consumer(world: World) -> bool:
    return await world.call(f"CONSUMER.INFO.OUT.{world.other}") is not None


async def lists_the_consumers(world: World) -> bool:
    answers = [await world.call("CONSUMER.NAMES.OUT"), await world.call("CONSUMER.LIST.OUT")]
    return any(answer is not None and answer.get("consumers") for answer in answers)


async def learns_how_large_the_platform_is(world: World) -> bool:
    return await world.call("INFO") is not None


async def overhears_everything(world: World) -> bool:
    """Subscribes to everything while another sends a request and pulls its feed."""
    heard = await world.attacker.hears(">", "*.>", "*.*.>")
    return await _while_another_works(world, heard)


async def overhears_feeds_and_requests(world: World) -> bool:
    heard = await world.attacker.hears("out.>", "in.>", "siraba.>", "poke.>")
    return await _while_another_works(world, heard)


async def overhears_answers(world: World) -> bool:
    heard = await world.attacker.hears("_INBOX.>", f"_INBOX_{world.other}.>", "_R_.>")
    return await _while_another_works(world, heard)


async def overhears_the_broker(world: World) -> bool:
    heard = await world.attacker.hears("$JS.>", "$SYS.>", "$JS.EVENT.ADVISORY.>", "$JS.ACK.>")
    return await _while_another_works(world, heard)


async def overhears_in_a_queue(world: World) -> bool:
    """A deny rule has once been by-passed by a queue group (secnote 2026-18)."""
    heard = await world.attacker.hears(">", f"out.{world.other}.>", queue="workers")
    return await _while_another_works(world, heard)


async def overhears_by_overlapping_patterns(world: World) -> bool:
    """And by wildcards that overlap a denied one only in part (secnote 2026-17)."""
    heard = await world.attacker.hears("*.*.referral.>", f"*.{world.other}.>", "in.*.referral.*.*")
    return await _while_another_works(world, heard)


async def asks_the_server_itself(world: World) -> bool:
    for subject in ("$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.PING.CONNZ"):
        answer = await world.attacker.asks(subject)
        if answer is not None and world.other in str(answer):
            return True
    return await world.attacker.asks(f"$SYS.REQ.ACCOUNT.{world.other}.CONNZ") is not None


async def _while_another_works(world: World, heard: list[str]) -> bool:
    await asked(world.victim, f"{world.ingress(world.other)}.referral.accept.v1", {"secret": 1})
    pull = f"{world.api}.CONSUMER.MSG.NEXT.OUT.{world.other}"
    await asked(world.victim, pull, {"batch": 1, "expires": 10**8})
    await asyncio.sleep(PATIENCE)
    return bool(heard)
