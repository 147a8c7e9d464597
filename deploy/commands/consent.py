"""`siraba consent`: who has yet to confirm that it heard of a withdrawal."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from deploy.commands.context import failing_clearly, operator_rows, running_state

consent = typer.Typer(
    help="Look at withdrawals of consent. Only codes are shown, never content.",
    no_args_is_help=True,
    add_completion=False,
)
_OPEN = text("""
    select number, organisation, referral_id, told_at,
           extract(epoch from clock_timestamp() - told_at) as age_seconds
    from intake.withdrawals join intake.cases using (case_id)
    where acknowledged_at is null and number is not null order by told_at
""")


@consent.callback()
def _consent() -> None:
    """Keeps `open` a word of its own, though it is the only one today."""


@consent.command("open")
@failing_clearly
def open_acknowledgements(
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """List withdrawals that their recipient has not confirmed, the oldest first.

    Example:

      siraba consent open
    """
    state = running_state(state_dir)
    rows = operator_rows(state, _OPEN)
    table = Table("case", "recipient", "referral", "told", "open for")
    for row in rows:
        age = timedelta(seconds=int(row.age_seconds))
        told = f"{row.told_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(row.number, row.organisation, str(row.referral_id), told, str(age))
    Console().print(table if rows else "No confirmation is open.")
