"""One address for all tests of a file: each has people and cases of its own, and asks for no others."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.builders import an_organisation
from tests.parts import Site
from tests.people.address import Address, Browser, open_address
from tests.servers import PostgresServer, running_nats

DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter", channel="desk"),
    an_organisation(
        "SHELTER_C", "shelter", "shelter", channel="desk", region="01", zones=("01", "12")
    ),
)


@pytest.fixture(scope="module")
def shared_site(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A NATS server and a database for the file."""
    database = postgres_server.new_database()
    with running_nats(("POLICE_A", "SHELTER_B")) as server:
        yield Site(server, database, tmp_path_factory.mktemp("shared"))
    postgres_server.drop(database)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    """Referral and intake behind the front."""
    async with open_address(shared_site, *DIRECTORY) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def browser(address: Address) -> AsyncIterator[Browser]:
    """Somebody's, whom nobody knows; afterwards nobody has an account."""
    async with address.browser() as opened:
        yield opened
    await address.site.run("truncate referral.accounts cascade")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(address: Address) -> AsyncIterator[Browser]:
    """Somebody who speaks for the police."""
    async with address.browser() as opened:
        await opened.arrive("c.keita", organisation="POLICE_A", role="focal_point")
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shelter(address: Address) -> AsyncIterator[Browser]:
    """Somebody who speaks for a shelter."""
    async with address.browser() as opened:
        await opened.arrive("a.diarra")
        yield opened
