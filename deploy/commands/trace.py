"""`siraba trace CASE`: the whole way of one case on one picture."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import (
    AT_THE_SERVER,
    database_url,
    failing_clearly,
    running_state,
)
from deploy.embedded.processes import ServerError
from deploy.migrate import OPERATIONS
from deploy.tracing import UnknownCase, collect, draw


@failing_clearly
def trace(
    case: Annotated[
        str,
        typer.Argument(
            help="Case number (ML-…) or case id; or the id of a referral, message or trace of it."
        ),
    ],
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Show every step of a case, from its registration to the committee's figures.

    Each step stands below its cause, with its start, its length and the
    service it ran in. What waits, is parked or dead is named at the end. No
    personal datum is shown, since none is kept. The look is on record.

    Example:

      siraba trace ML-12-2026-7K3QXF-C
    """
    state = running_state(state_dir)
    try:
        case_id, way = asyncio.run(collect(database_url(state, OPERATIONS), case, by=AT_THE_SERVER))
    except UnknownCase as unknown:
        raise ServerError(str(unknown)) from None
    for line in draw(way, title=f"Case {case_id}"):
        typer.echo(line)
