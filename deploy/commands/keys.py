"""`siraba keys`: what the services sign with, and what partners believe and seal to."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from contracts.topology import SERVICES
from deploy.commands.context import failing_clearly, platform_settings, state_of
from deploy.embedded.processes import ServerError
from deploy.signing_keys import hand_over, rotate_signing_key, to_hand_over

keys = typer.Typer(
    help="The platform's own keys: the public halves to hand over, and a new one to sign with.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[Path | None, typer.Option(help="State folder (default .siraba).")]


@keys.command("show")
@failing_clearly
def show(state_dir: StateDir = None) -> None:
    """Print the platform's public keys: partners keep them as platform-keys.json.

    They hold no secret, but whoever can replace them on the way can speak for
    the platform: hand them over in person, or compare their ids by telephone.

    Example:

      siraba keys show > platform-keys.json
    """
    typer.echo(to_hand_over(state_of(platform_settings(state_dir=state_dir))).write())


@keys.command("rotate")
@failing_clearly
def rotate(
    service: Annotated[str, typer.Argument(help="intake, referral or reporting.")],
    state_dir: StateDir = None,
) -> None:
    """Give one service a new key to sign with; it takes it up within a second.

    What the old key has signed stays good for ever, and for a week it may
    still sign what waits. Partners outside this machine need the new public
    keys before they can read on: hand them over with `siraba keys show`.

    Example:

      siraba keys rotate referral
    """
    if service not in SERVICES:
        raise ServerError(f"service: must be one of {', '.join(SERVICES)}")
    state = state_of(platform_settings(state_dir=state_dir))
    known = rotate_signing_key(state, service, now=datetime.now(UTC))
    hand_over(state)
    newest = max(known.owned(service, use="signing"), key=lambda key: key.valid_from)
    typer.echo(f"{service} signs with {newest.id} from now on.")
