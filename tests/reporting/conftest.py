from collections.abc import AsyncIterator, Iterator

import pytest

from tests.reporting.happenings import Roles, clear, engines
from tests.servers import Database, PostgresServer


@pytest.fixture(scope="module")
def one_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """One for all tests of a module: making one costs more than most tests."""
    database = postgres_server.new_database()
    yield database
    postgres_server.drop(database)


@pytest.fixture
async def roles(one_database: Database) -> AsyncIterator[Roles]:
    """Both roles of reporting, on tables without a row."""
    async with engines(one_database) as both:
        await clear(both.work)
        yield both
