"""Attempts to let the server do it: its answers go to whatever subject the asker names."""

import asyncio
from uuid import uuid4

from tests.trust.worlds import PATIENCE, World, asked


async def lets_an_acknowledgement_land_in_anothers_name(world: World) -> bool:
    """The server's acknowledgement of a request is itself a message."""
    target = f"in.{world.other}.{_fresh()}"
    await _sent(world, reply=target)
    return await world.count(target, f"IN_{world.other}") > 0


async def lets_an_acknowledgement_land_in_a_feed(world: World) -> bool:
    target = f"out.{world.other}.{_fresh()}"
    await _sent(world, reply=target)
    return await world.count(target, "OUT") > 0


async def lets_an_acknowledgement_become_a_fact(world: World) -> bool:
    target = f"siraba.intake.{_fresh()}.0"
    await _sent(world, reply=target)
    return await world.count(target, "INTAKE") > 0


async def lets_a_delivery_land_in_anothers_name(world: World) -> bool:
    """What lands under an id that came before is dropped without a trace: so a fresh one."""
    stream = f"IN_{world.other}"
    before = await world.count(">", stream)
    await world.feed(world.me)
    await _pulled(world, reply=f"in.{world.other}.{_fresh()}", batch=100)
    return await world.count(">", stream) > before


async def lets_an_answer_acknowledge_for_another(world: World) -> bool:
    """Nothing to deliver is an empty answer, and an empty answer is an acknowledgement."""
    message = await world.taken()
    before = int((await world.consumer(world.other))["num_ack_pending"])
    for _ in range(3):
        await _pulled(world, reply=message.reply)
    return int((await world.consumer(world.other))["num_ack_pending"]) < before


async def lets_an_answer_delete_a_stream(world: World) -> bool:
    """And to the server's own API it is an order that needs no words."""
    await _sent(world, reply="$JS.API.STREAM.DELETE.REPORTING")
    for _ in range(3):
        await _pulled(world, reply="$JS.API.STREAM.DELETE.REPORTING")
    return await _lacks(world, "REPORTING")


async def lets_an_answer_purge_the_feeds(world: World) -> bool:
    await _sent(world, reply="$JS.API.STREAM.PURGE.OUT")
    for _ in range(3):
        await _pulled(world, reply="$JS.API.STREAM.PURGE.OUT")
    return await world.count("out.>", "OUT") == 0


async def takes_the_place_of_a_pending_answer(world: World) -> bool:
    """The server's own reply subjects between accounts."""
    heard = await world.attacker.hears("_R_.>")
    await world.attacker.says(f"{world.ingress(world.me)}.{_fresh()}", reply="_R_.AAAAAA.BBBBBB")
    await asyncio.sleep(PATIENCE)
    return bool(heard)


def _fresh() -> str:
    return f"trespass.n{uuid4().hex}.v1"


async def _sent(world: World, *, reply: str) -> None:
    await world.attacker.says(f"{world.ingress(world.me)}.{_fresh()}", reply=reply)
    await asyncio.sleep(PATIENCE)


async def _pulled(world: World, *, reply: str, batch: int = 1) -> None:
    """A pull of its own feed: what is there is delivered, and then that nothing is there."""
    subject = f"{world.api}.CONSUMER.MSG.NEXT.OUT.{world.me}"
    pull = f'{{"batch": {batch}, "no_wait": true}}'
    await world.attacker.says(subject, pull.encode(), reply=reply)
    await asyncio.sleep(PATIENCE)


async def _lacks(world: World, stream: str) -> bool:
    answer = await asked(world.observer, f"{world.observer_api}.STREAM.INFO.{stream}")
    return answer is not None and "error" in answer
