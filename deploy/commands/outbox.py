"""`siraba outbox`: what has been decided and not been heard everywhere, and sending it again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import open_engine
from chassis.relay.standing import Standing, resend, standing
from contracts.topology import OUT, SERVICES
from deploy.commands.context import database_url, failing_clearly, running_state
from deploy.commands.dlq import Service, StateDir
from deploy.embedded.processes import ServerError
from deploy.state import State

_T = TypeVar("_T")
outbox = typer.Typer(
    help="Look at what waits to be sent, or was sent and not taken; send it again.",
    no_args_is_help=True,
)


@outbox.command("list")
@failing_clearly
def list_standing(state_dir: StateDir = None) -> None:
    """Show by service and stream what has not come to its end; numbers and ages alone.

    Example:

      siraba outbox list
    """
    state, now = running_state(state_dir), datetime.now(UTC)
    table = Table("service", "stream", "waiting", "oldest", "sent, not taken", "to take out")
    for service in SERVICES:
        for one in asyncio.run(with_tables(state, service, standing)):
            table.add_row(service, *_cells(one, now))
    Console().print(table if table.row_count else "Nothing waits, and all that was sent is taken.")


@outbox.command("resend")
@failing_clearly
def resend_untaken(
    service: Service,
    stream: Annotated[str, typer.Argument(help="A stream in `siraba outbox list`.")],
    state_dir: StateDir = None,
) -> None:
    """Send again what a service sent to a stream and not everybody has taken.

    For a NATS whose disk was restored from before: the same bytes go out under
    the same ids, and whoever has one already steps over it. A stream that was
    made anew is filled without this.

    Example:

      siraba outbox resend intake INTAKE
    """
    if stream not in (service.upper(), OUT.name):
        raise ServerError(f"stream: choose {service.upper()} or {OUT.name}")
    count = asyncio.run(
        with_tables(running_state(state_dir), service, lambda open_one: resend(open_one, stream))
    )
    typer.echo(f"{count} wait again; the relay sends them within half a minute.")


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


def _cells(one: Standing, now: datetime) -> tuple[str, ...]:
    age = f"{(now - one.oldest).total_seconds():.0f} s" if one.oldest else ""
    return (one.stream, str(one.waiting), age, str(one.untaken), str(one.to_take_out))
