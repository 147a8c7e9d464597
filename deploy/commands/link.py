"""`siraba link`: a way into the committee's page, for five minutes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chassis.identity import issue_token
from deploy.commands.context import failing_clearly, running_state
from deploy.embedded.processes import ServerError
from partners.kit import keys
from partners.kit.errors import KitError


@failing_clearly
def link(
    key_dir: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="The committee's key folder (default <state>/partners/CNLTPPA)."
        ),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Print an address that opens the committee's page in a browser.

    The address works for five minutes; the session it opens lasts eight
    hours. The keys are made by `siraba-partner init --code CNLTPPA` before
    the platform starts; the demonstration has them.

    Example:

      siraba link --state-dir .siraba/demo
    """
    state = running_state(state_dir)
    front = str(state.status()["front_url"])
    typer.echo(entrance(front, key_dir or state.partners / "CNLTPPA"))


def entrance(front_url: str, key_dir: Path) -> str:
    """The address, with a token of the role analyst. Raises ServerError without usable keys."""
    try:
        ours = keys.load(key_dir)
    except KitError as error:
        raise ServerError(str(error)) from None
    token = issue_token(
        ours.signing,
        organisation=ours.code,
        role="analyst",
        audience="reporting",
        now=datetime.now(UTC),
    )
    return f"{front_url}/reporting/enter?token={token}"
