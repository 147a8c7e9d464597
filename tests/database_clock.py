"""A clock of a database that tests can set: for those who ask it through `path`, time goes on."""

from dataclasses import dataclass
from datetime import timedelta

from tests.servers import Database, PostgresServer

_MAKE = """
    create schema simulated;
    create table simulated.ahead (by interval not null);
    insert into simulated.ahead values ('0');
    create function simulated.clock_timestamp() returns timestamptz language sql volatile as
        'select pg_catalog.clock_timestamp() + by from simulated.ahead';
    grant usage on schema simulated to public;
    grant select on simulated.ahead to public;
"""


@dataclass(slots=True)
class DatabaseClock:
    """Stands before PostgreSQL's own `clock_timestamp()` in the path on which names are looked up.

    What asks is the product's own statement, unchanged; a column's default knows the true time.
    """

    server: PostgresServer
    database: Database

    async def make(self) -> None:
        """Put it up; it shows the true time."""
        await self.server.execute(_MAKE, database=self.database.name)

    def path(self, schema: str) -> str:
        """The `schema` of an engine that lives by this clock."""
        return f"simulated, {schema}, pg_catalog"

    async def go_on(self, by: timedelta) -> None:
        """So much time passes."""
        seconds = by.total_seconds()
        await self.server.execute(
            f"update simulated.ahead set by = by + make_interval(secs => {seconds})",
            database=self.database.name,
        )
