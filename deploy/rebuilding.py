"""Has reporting make its facts again from the events alone, on a running platform."""

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

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
    step may be done again: whoever was interrupted does all of it once more. Raises ServerError.
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
