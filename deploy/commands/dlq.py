"""`siraba dlq`: dead letters, and the two things a human can decide about one."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from chassis.inbox import dead_letters
from chassis.inbox.dead_letters import DeadLetter
from contracts.topology import SERVICES
from deploy.commands.context import (
    AT_THE_SERVER,
    database_url,
    failing_clearly,
    running_state,
)
from deploy.dead_letters import REASONS, Decision, decide, tables_of
from deploy.embedded.processes import ServerError
from deploy.migrate import OPERATIONS

dlq = typer.Typer(
    help="Look at dead letters; retry or discard one. Only codes are shown, never content.",
    no_args_is_help=True,
)
StateDir = Annotated[
    Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
]
Service = Annotated[str, typer.Argument(help=f"One of: {', '.join(SERVICES)}.")]
Identity = Annotated[int, typer.Argument(help="Its number in `siraba dlq list`.")]


@dlq.command("list")
@failing_clearly
def list_letters(state_dir: StateDir = None) -> None:
    """Show what is dead and open, by service.

    Example:

      siraba dlq list
    """
    url = database_url(running_state(state_dir), OPERATIONS)
    table = Table(
        "service", "number", "consumer", "reason", "field", "type", "from", "tries", "died"
    )
    for service in SERVICES:
        for letter in asyncio.run(_listed(url, service)):
            table.add_row(service, *_cells(letter))
    Console().print(table if table.row_count else "No dead letter is open.")


@dlq.command("retry")
@failing_clearly
def retry(
    service: Service,
    number: Identity,
    *,
    because: Annotated[str, typer.Option(help=f"One of: {', '.join(REASONS['retry'])}.")],
    state_dir: StateDir = None,
) -> None:
    """Try a dead letter again, from the original in its stream; what waits behind it follows.

    Example:

      siraba dlq retry referral 12 --because cause_removed
    """
    _decide(Decision(service=service, number=number, verb="retry", reason=because), state_dir)


@dlq.command("discard")
@failing_clearly
def discard(
    service: Service,
    number: Identity,
    *,
    because: Annotated[str, typer.Option(help=f"One of: {', '.join(REASONS['discard'])}.")],
    state_dir: StateDir = None,
) -> None:
    """Step over a dead letter for good; what waits behind it in the same case goes on.

    Example:

      siraba dlq discard referral 12 --because sent_anew
    """
    _decide(Decision(service=service, number=number, verb="discard", reason=because), state_dir)


def _decide(one: Decision, state_dir: Path | None) -> None:
    url = database_url(running_state(state_dir), OPERATIONS)
    if not asyncio.run(decide(url, one, by=AT_THE_SERVER)):
        raise ServerError(f"{one.service} has no open dead letter with this number")
    typer.echo("Noted; its consumer carries it out within seconds.")


async def _listed(url: str, service: str) -> list[DeadLetter]:
    async with tables_of(url, service) as connection:
        return await dead_letters.listed(connection)


def _cells(letter: DeadLetter) -> tuple[str, ...]:
    return (
        str(letter.id),
        letter.consumer,
        letter.reason,
        letter.field or "",
        letter.type or "",
        letter.organisation or "",
        str(letter.tries),
        f"{letter.died_at:%Y-%m-%d %H:%M:%S}",
    )
