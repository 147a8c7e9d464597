"""Lets go of all facts, so that the events alone say again what they are."""

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.store import forgetting


async def forget_facts(engine: AsyncEngine, consumers: tuple[str, ...]) -> None:
    """In one transaction: until it ends, whoever asks gets the figures of before.

    consumers: the durables that will be delivered everything again. They must be new by then: what
    an old one delivers after this counts as well, and comes again.
    """
    async with engine.begin() as connection:
        await forgetting.forget(connection, consumers)
