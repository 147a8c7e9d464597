"""`siraba notices`: what waits for a person, who was told of it, and what lies in the folder."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chassis.notify import SPOOL, spooled
from deploy.commands.context import failing_clearly, operator_rows, running_state
from deploy.notices import NEWEST, UNPLACED


@failing_clearly
def notices(
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Show the services that nobody is asked for, the newest notices, and those kept in the folder.

    A notice says that something waits, and nothing else. Those for which
    no mail server (SIRABA_SMTP_URL) or SMS gateway (SIRABA_SMS_URL) is
    named are kept in a folder, with the address they were meant for.

    Example:

      siraba notices
    """
    state = running_state(state_dir)
    console = Console()
    waiting = Table("owner", "service", "urgency", "why", "waits for", title="Wait for a decision")
    for row in operator_rows(state, UNPLACED):
        waiting.add_row(row.owner, row.service, row.urgency, row.reason, _age(row))
    console.print(waiting if waiting.row_count else "Nothing waits for a decision.")
    told = Table("to act", "rung", "told", "state", "tries", "age", title="Notices")
    for row in operator_rows(state, NEWEST):
        stands = "acknowledged" if row.is_seen_to else row.state
        told.add_row(
            row.waits_for, row.rung, row.organisation or "nobody", stands, str(row.tries), _age(row)
        )
    console.print(told if told.row_count else "Nobody was told of anything.")
    kept = Table("kept at", "way", "address", "text", title="In the folder")
    for at, letter in spooled(state.secrets / SPOOL):
        kept.add_row(f"{at:%Y-%m-%d %H:%M}", letter.medium, letter.address, letter.text)
    if kept.row_count:
        console.print(kept)


def _age(row: Any) -> str:
    return str(timedelta(seconds=int(row.age.total_seconds())))
