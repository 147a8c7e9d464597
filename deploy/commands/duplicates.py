"""`siraba duplicates`: whose word is missing on cases that may be of one person."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from deploy.commands.context import failing_clearly, operator_rows, running_state

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
    rows = operator_rows(running_state(state_dir), _OPEN)
    table = Table("owner", "other owner", "pairs", "oldest")
    for row in rows:
        other = "the same" if row.one == row.other else row.other
        table.add_row(row.one, other, str(row.open), str(timedelta(seconds=int(row.age_seconds))))
    Console().print(table if rows else "No pair waits.")
