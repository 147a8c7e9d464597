"""`siraba dlq`: dead letters, and the two things a human can decide about one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import open_engine
from chassis.inbox import dead_letters
from chassis.inbox.dead_letters import DeadLetter
from contracts.topology import SERVICES
from deploy.commands.context import database_url, failing_clearly, running_state
from deploy.embedded.processes import ServerError
from deploy.state import State

dlq = typer.Typer(
    help="Look at dead letters; retry or discard one. Only codes are shown, never content.",
    no_args_is_help=True,
)
_T = TypeVar("_T")
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
    state = running_state(state_dir)
    table = Table(
        "service", "number", "consumer", "reason", "field", "type", "from", "tries", "died"
    )
    for service in SERVICES:
        for letter in asyncio.run(with_tables(state, service, dead_letters.listed)):
            table.add_row(service, *_cells(letter))
    Console().print(table if table.row_count else "No dead letter is open.")


@dlq.command("retry")
@failing_clearly
def retry(service: Service, number: Identity, state_dir: StateDir = None) -> None:
    """Try a dead letter again, from the original in its stream; what waits behind it follows.

    Example:

      siraba dlq retry referral 12
    """
    _decide(service, number, state_dir, as_retry=True)


@dlq.command("discard")
@failing_clearly
def discard(service: Service, number: Identity, state_dir: StateDir = None) -> None:
    """Step over a dead letter for good; what waits behind it in the same case goes on.

    Example:

      siraba dlq discard referral 12
    """
    _decide(service, number, state_dir, as_retry=False)


def _decide(service: str, number: int, state_dir: Path | None, *, as_retry: bool) -> None:
    async def decide(connection: AsyncConnection) -> bool:
        return await dead_letters.decide(connection, number, retry=as_retry)

    if not asyncio.run(with_tables(running_state(state_dir), service, decide)):
        raise ServerError(f"{service} has no open dead letter with this number")
    typer.echo("Noted; its consumer carries it out within seconds.")


async def with_tables(
    state: State, service: str, act: Callable[[AsyncConnection], Awaitable[_T]]
) -> _T:
    """What this gives back in one transaction as the service's own role. Raises ServerError."""
    if service not in SERVICES:
        raise ServerError(f"unknown service: choose one of {', '.join(SERVICES)}")
    engine = open_engine(database_url(state, f"{service}_work"), schema=service, pool_size=1)
    try:
        async with engine.begin() as connection:
            return await act(connection)
    finally:
        await engine.dispose()


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
