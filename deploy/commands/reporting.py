"""`siraba reporting`: what operators do with the facts that figures are counted from."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import (
    failing_clearly,
    nats_address,
    platform_settings,
    running_state,
    with_tables_of,
)
from deploy.engines import known_partners
from deploy.keys import PROVISIONER, seed_file
from deploy.provision import codes_of
from deploy.rebuilding import left_out, rebuild_facts

reporting = typer.Typer(
    help="Look after the facts that figures are counted from.",
    no_args_is_help=True,
    add_completion=False,
)


@reporting.callback()
def _reporting() -> None:
    """Keep `rebuild` a command of its own while it is the only one."""


@reporting.command("rebuild")
@failing_clearly
def rebuild(
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Make all facts again from the events; the figures come out as they were.

    Reporting forgets every fact and reads both streams from their first
    message, while the platform runs. Figures are too low until it has caught
    up; the page says up to which moment it has counted. Run it again if it is
    interrupted.

    Example:

      siraba reporting rebuild
    """
    state = running_state(state_dir)
    settings = platform_settings(state_dir=state_dir)
    outcome = with_tables_of(
        "reporting",
        state,
        lambda engine: rebuild_facts(
            engine,
            nats_url=nats_address(state, settings),
            seed=seed_file(state, PROVISIONER),
            codes=codes_of(known_partners(state, settings)),
        ),
    )
    for reason in outcome.refused:
        typer.echo(f"refused: {reason}", err=True)
    if outcome.refused:
        raise typer.Exit(1)
    typer.echo("All facts are forgotten; reporting reads every event again.")
    undecided, discarded = with_tables_of("reporting", state, left_out)
    if undecided:
        typer.echo(
            f"Not decided: {undecided} dead letters, left out with what waits behind each; `siraba dlq list`."
        )
    if discarded:
        typer.echo(f"Discarded before, and still left out: {discarded}.")
