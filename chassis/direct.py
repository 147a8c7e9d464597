"""Many messages of a stream for one question: JetStream's batched direct get, which nats-py lacks."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import ServiceUnavailableError

from chassis.deliveries import BATCH_BYTES
from chassis.inbox.received import Raw


async def get_many(
    jetstream: JetStreamContext, stream: str, question: Mapping[str, Any]
) -> tuple[list[Raw], bool]:
    """The messages that a question finds, in their order, and whether there are more.

    question: `batch` and one of `seq` and `start_time`, optionally `next_by_subj` and `max_bytes`
    (NATS ADR-31). Raises ServiceUnavailableError, TimeoutError.
    """
    client, inbox = jetstream._nc, jetstream._nc.new_inbox()
    found: list[Raw] = []
    ended: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

    async def take(message: Msg) -> None:
        headers = message.headers or {}
        # The server writes its own beside whatever a message has: only its last word has none.
        if "Nats-Sequence" in headers:
            found.append(Raw.direct(stream, message))
        elif not ended.done():
            ended.set_result(headers)

    subscription = await client.subscribe(inbox, cb=take)
    try:
        subject = f"{jetstream._prefix}.DIRECT.GET.{stream}"
        bounded = {"max_bytes": BATCH_BYTES, **question}
        await client.publish(subject, json.dumps(bounded).encode(), reply=inbox)
        async with asyncio.timeout(jetstream._timeout):
            said = await ended
    finally:
        await subscription.unsubscribe()
    match said.get("Status"):
        case "204":
            return found, said.get("Nats-Num-Pending") != "0"
        case "404":
            return found, False
        case _:
            raise ServiceUnavailableError
