"""People of organisations at the pages of a platform that runs, and the keys that intake seals to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from chassis.database import open_engine
from chassis.directory_keys import load_keys
from deploy.commands.context import database_url
from tests.journeys.road import Road
from tests.people.address import HTML, Visitor


@asynccontextmanager
async def at_the_pages(road: Road, login: str, invitation: str) -> AsyncIterator[Visitor]:
    """Somebody who takes up what `siraba user invite` has printed, and signs in."""
    async with httpx.AsyncClient(
        base_url=road.platform.front_url,
        headers={"accept": HTML},
        follow_redirects=True,
        timeout=30,
    ) as client:
        visitor = Visitor(client)
        secret = invitation.partition("token=")[2].split()[0]
        assert (await visitor.join(secret)).status_code == httpx.codes.OK
        assert (await visitor.log_in(login)).url.path.startswith("/re")
        yield visitor


async def sealed_to(road: Road, code: str) -> list[str]:
    """The keys to which intake seals what is for this organisation."""
    url = database_url(road.platform.state, "intake_work")
    engine = open_engine(url, schema="intake", pool_size=1)
    try:
        async with engine.connect() as connection:
            keys = await load_keys(connection, owner=code, use="sealing")
            return [key.key for key in keys if key.valid_until is None]
    finally:
        await engine.dispose()
