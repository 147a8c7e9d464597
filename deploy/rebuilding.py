"""Has reporting make its facts again from the events alone, on a running platform."""

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.inbox import dead_letters
from chassis.inbox.standing import UNSETTLED
from deploy.jetstream import JetStreamError, asked, connected
from deploy.keys import PROVISIONER
from deploy.provision import Outcome, provision
from services.reporting.consumers import DURABLES
from services.reporting.use_cases import forget_facts

#: JetStream's code for a consumer that is not there.
_UNKNOWN_CONSUMER = 10014


async def rebuild_facts(
    engine: AsyncEngine, *, nats_url: str, seed: Path, codes: tuple[str, ...]
) -> Outcome:
    """Forget all facts and have both streams delivered from their first message.

    engine: as reporting's working role. seed: the provisioner's. codes: of all organisations. Each
    step may be done again: whoever was interrupted does all of it once more. What an operator has
    discarded stays so, and is stepped over again. Raises ServerError.
    """
    async with connected(nats_url, PROVISIONER, seed) as client:
        for stream, durable in DURABLES.items():
            try:
                await asked(client, f"CONSUMER.DELETE.{stream}.{durable}")
            except JetStreamError as error:
                if error.err_code != _UNKNOWN_CONSUMER:
                    raise
    await forget_facts(engine, tuple(DURABLES.values()))
    return await provision(nats_url, seed, codes)


async def left_out(engine: AsyncEngine) -> tuple[int, int]:
    """How many events the facts are without: dead letters nobody has decided, and discarded ones."""
    async with engine.connect() as connection:
        letters = await dead_letters.listed(connection, (*UNSETTLED, "discarded"))
    states = [one.state for one in letters if one.consumer in DURABLES.values()]
    discarded = states.count("discarded")
    return len(states) - discarded, discarded
