"""`siraba duplicates`: whose word is missing on cases that may be of one person."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.commands.context import database_url, failing_clearly, running_state
from deploy.migrate import OPERATIONS

_OPEN = text("""
    select least(earlier_owner, later_owner) as one, greatest(earlier_owner, later_owner) as other,
           count(*) as open, extract(epoch from clock_timestamp() - min(found_at)) as age_seconds
    from intake.duplicates where state = 'open' and kind is not null
    group by one, other order by age_seconds desc
""")


@failing_clearly
def duplicates(
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Count the pairs of cases that wait for their owners' word, the oldest first.

    Neither a case nor a person is shown: which pairs these are only their
    owners see, at `/intake/duplicates`.

    Example:

      siraba duplicates
    """
    rows = asyncio.run(_open(database_url(running_state(state_dir), OPERATIONS)))
    table = Table("owner", "other owner", "pairs", "oldest")
    for row in rows:
        other = "the same" if row.one == row.other else row.other
        table.add_row(row.one, other, str(row.open), str(timedelta(seconds=int(row.age_seconds))))
    Console().print(table if rows else "No pair waits.")


async def _open(url: str) -> Sequence[Any]:
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            return (await connection.execute(_OPEN)).all()
    finally:
        await engine.dispose()
