"""Attempts to command what is another's: consumers and streams."""

import asyncio
from uuid import uuid4

from tests.trust.worlds import PATIENCE, World


async def creates_a_consumer_for_everything(world: World) -> bool:
    config = {"name": "spy", "filter_subject": "out.>", "ack_policy": "explicit"}
    body = {"stream_name": "OUT", "config": config}
    return await world.call("CONSUMER.CREATE.OUT.spy.out.>", body) is not None


async def creates_a_durable_for_everything(world: World) -> bool:
    """The older call, whose filter the server does not compare with the subject."""
    config = {"durable_name": "spy2", "filter_subject": "out.>", "ack_policy": "explicit"}
    body = {"stream_name": "OUT", "config": config}
    return await world.call("CONSUMER.DURABLE.CREATE.OUT.spy2", body) is not None


async def creates_a_consumer_without_a_name(world: World) -> bool:
    body = {"stream_name": "OUT", "config": {"ack_policy": "none", "mem_storage": True}}
    return await world.call("CONSUMER.CREATE.OUT", body) is not None


async def widens_its_own_consumer(world: World) -> bool:
    """Its own durable, with another's subject as the filter."""
    config = {"durable_name": world.me, "name": world.me, "ack_policy": "explicit"}
    config["filter_subject"] = f"out.{world.other}.>"
    body = {"stream_name": "OUT", "config": config}
    await world.call(f"CONSUMER.CREATE.OUT.{world.me}.out.{world.other}.>", body)
    await world.call(f"CONSUMER.DURABLE.CREATE.OUT.{world.me}", body)
    live = (await world.consumer(world.me)).get("config", {})
    return bool(live.get("filter_subject") != f"out.{world.me}.>")


async def has_anothers_feed_pushed_to_itself(world: World) -> bool:
    heard = await world.attacker.hears("_INBOX.stolen")
    config = {
        "durable_name": "push-to-me",
        "deliver_subject": "_INBOX.stolen",
        "filter_subject": f"out.{world.other}.>",
        "ack_policy": "none",
    }
    body = {"stream_name": "OUT", "config": config}
    await world.call("CONSUMER.DURABLE.CREATE.OUT.push-to-me", body)
    await asyncio.sleep(PATIENCE)
    return bool(heard)


async def lets_the_server_write_for_it(world: World) -> bool:
    """A push consumer delivers to any subject with the server's own rights."""
    target = f"siraba.intake.case.pushed_{uuid4().hex}.v1.0"
    config = {"durable_name": "push", "deliver_subject": target, "ack_policy": "none"}
    await world.call("CONSUMER.DURABLE.CREATE.OUT.push", {"stream_name": "OUT", "config": config})
    await asyncio.sleep(PATIENCE)
    # A delivery is stored under the subject that it had where it came from.
    return await world.count("out.>", "INTAKE") > 0


async def deletes_anothers_consumer(world: World) -> bool:
    await world.call(f"CONSUMER.DELETE.OUT.{world.other}")
    return not await world.consumer(world.other)


async def pauses_anothers_consumer(world: World) -> bool:
    body = {"pause_until": "2099-01-01T00:00:00Z"}
    await world.call(f"CONSUMER.PAUSE.OUT.{world.other}", body)
    return bool((await world.consumer(world.other)).get("paused"))


async def moves_anothers_consumer(world: World) -> bool:
    """Reset: what the victim has not read yet would be passed over."""
    return await world.call(f"CONSUMER.RESET.OUT.{world.other}", {"seq": 1_000_000}) is not None


async def unpins_anothers_consumer(world: World) -> bool:
    return await world.call(f"CONSUMER.UNPIN.OUT.{world.other}", {"group": "x"}) is not None


async def deposes_a_leader(world: World) -> bool:
    calls = (f"CONSUMER.LEADER.STEPDOWN.OUT.{world.other}", "STREAM.LEADER.STEPDOWN.OUT")
    answers = [await world.call(call) for call in (*calls, "META.LEADER.STEPDOWN")]
    return any(answer is not None for answer in answers)


async def purges_the_feeds(world: World) -> bool:
    await world.call("STREAM.PURGE.OUT", {})
    return await _is_gone(world)


async def purges_anothers_feed(world: World) -> bool:
    await world.call("STREAM.PURGE.OUT", {"filter": f"out.{world.other}.>"})
    return await _is_gone(world)


async def purges_anothers_requests(world: World) -> bool:
    subject = f"in.{world.other}.referral.accept.v1"
    await world.victim.request(f"{world.ingress(world.other)}.referral.accept.v1", b"{}", timeout=2)
    await world.call(f"STREAM.PURGE.IN_{world.other}", {})
    return await world.count(subject, f"IN_{world.other}") == 0


async def deletes_a_message(world: World) -> bool:
    deleted = [await world.call("STREAM.MSG.DELETE.OUT", {"seq": n}) for n in (1, 2)]
    return any(answer is not None for answer in deleted)


async def creates_a_stream(world: World) -> bool:
    config = {"name": "MINE", "subjects": ["mine"]}
    return await world.call("STREAM.CREATE.MINE", config) is not None


async def catches_all_in_a_stream_of_its_own(world: World) -> bool:
    config = {"name": "COPY", "sources": [{"name": "OUT"}]}
    return await world.call("STREAM.CREATE.COPY", config) is not None


async def changes_a_stream(world: World) -> bool:
    config = {"name": "REPORTING", "subjects": ["siraba.reporting.>"], "max_msgs": 1}
    return await world.call("STREAM.UPDATE.REPORTING", config) is not None


async def deletes_a_stream(world: World) -> bool:
    return await world.call("STREAM.DELETE.REPORTING") is not None


async def takes_a_snapshot(world: World) -> bool:
    heard = await world.attacker.hears("_INBOX.copied")
    body = {"deliver_subject": "_INBOX.copied", "no_consumers": True}
    return await world.call("STREAM.SNAPSHOT.OUT", body) is not None or bool(heard)


async def restores_over_a_stream(world: World) -> bool:
    body = {"config": {"name": "OUT", "subjects": ["out.>"]}, "state": {}}
    return await world.call("STREAM.RESTORE.OUT", body) is not None


async def _is_gone(world: World) -> bool:
    return await world.count(f"out.{world.other}.referral.offered.v1", "OUT") == 0
