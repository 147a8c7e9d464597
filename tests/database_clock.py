"""A clock of a database that stands until a test sets it on, for those who ask it through `path`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from tests.servers import Database

_MAKE = """
    create schema simulated;
    create table simulated.clock (at timestamptz not null);
    insert into simulated.clock values (pg_catalog.clock_timestamp());
    create function simulated.clock_timestamp() returns timestamptz language sql volatile as
        'select at from simulated.clock';
    grant usage on schema simulated to public;
    grant select on simulated.clock to public;
"""


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """Stands before PostgreSQL's own `clock_timestamp()` in the path on which names are looked up.

    What asks is the product's own statement, unchanged; a column's default knows the true time.
    """

    connection: asyncpg.Connection

    @staticmethod
    def path(schema: str) -> str:
        """The `schema` of an engine that lives by this clock."""
        return f"simulated, {schema}, pg_catalog"

    async def go_on(self, by: timedelta) -> None:
        """So much time passes."""
        await self.run("update simulated.clock set at = at + $1", by)

    async def run(self, statement: str, *given: object) -> None:
        """Change the tables from outside, as the superuser."""
        await self.connection.execute(statement, *given)


@asynccontextmanager
async def clock_of(database: Database) -> AsyncIterator[DatabaseClock]:
    """It shows the time at which it was made."""
    connection = await asyncpg.connect(database.superuser_url.replace("+asyncpg", ""))
    try:
        await connection.execute(_MAKE)
        yield DatabaseClock(connection)
    finally:
        await connection.close()
