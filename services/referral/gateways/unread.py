"""Asks JetStream whether anything lies there that one of our readers has not taken yet."""

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from chassis.broker import Wire
from contracts.topology import Durable


async def is_all_read(wire: Wire, durable: Durable) -> bool:
    """Whether this reader is done with all that came; False where nobody can say."""
    try:
        info = await wire.jetstream.consumer_info(durable.stream, durable.name)
    except NotFoundError:
        return True  # before the first organisation has a program, nobody can have sent anything
    except (nats.errors.Error, JetStreamError, TimeoutError):
        return False
    return not info.num_pending and not info.num_ack_pending
