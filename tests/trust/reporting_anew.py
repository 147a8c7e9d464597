"""Makes reporting forget everything it took and read both streams again, on a running platform."""

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from deploy.migrate import OWNER
from services.reporting.store.facts import TABLES
from tests.journeys.road import Road
from tests.trust.faults.wiped import delete_consumer
from tests.trust.load import come_to_rest

STREAMS = ("INTAKE", "REFERRAL")
#: With what says how far it had come, and whose keys it knew.
FORGOTTEN = (*TABLES, "positions", "inbox", "organisation_keys")
Tables = dict[str, list[str]]


async def counted(road: Road) -> Tables:
    """Every row of what reporting has made of the events."""
    connection = await _owner(road)
    try:
        return {
            table: sorted(map(str, await connection.fetch(f"select * from reporting.{table}")))
            for table in TABLES
        }
    finally:
        await connection.close()


async def rebuilt(road: Road, *, within: float) -> Tables:
    """The same, once it has read everything again from nothing."""
    for stream in STREAMS:
        await delete_consumer(road.platform, stream, f"reporting-{stream}")
    connection = await _owner(road)
    try:
        await connection.execute(";".join(f"delete from reporting.{table}" for table in FORGOTTEN))
        assert await connection.fetchval("select count(*) from reporting.facts_cases") == 0
    finally:
        await connection.close()
    await road.platform.provision()
    await come_to_rest(road, within=within)
    return await counted(road)


async def _owner(road: Road) -> asyncpg.Connection:
    url = road.platform.database_url(OWNER)
    return await asyncpg.connect(url.replace("+asyncpg", ""))
