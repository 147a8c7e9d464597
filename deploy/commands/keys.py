"""`siraba keys`: what the services sign with, and what partners believe and seal to."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from contracts.keyring import PublicKey
from contracts.topology import SERVICES
from deploy.commands.context import (
    failing_clearly,
    platform_settings,
    running_state,
    state_of,
    with_tables_of,
)
from deploy.embedded.processes import ServerError
from deploy.key_announcing import ANNOUNCER, announce_keys, rotate_signing_key
from deploy.signing_keys import hand_over, make_next, take_up, to_hand_over
from deploy.state import State

keys = typer.Typer(
    help="The platform's own keys: the public halves to hand over, and a new one to sign with.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[Path | None, typer.Option(help="State folder (default .siraba).")]
_MINUTE = "%Y-%m-%dT%H:%M"


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


@keys.command("announce")
@failing_clearly
def announce(state_dir: StateDir = None) -> None:
    """Put the platform's public keys into every partner's feed (keys.published).

    A rotation does this by itself, and `siraba up` where intake has made the
    key of a month. Where the services run without it, do it once a month:
    `siraba doctor` says when.

    Example:

      siraba keys announce
    """
    state = running_state(state_dir)
    told = with_tables_of(ANNOUNCER, state, lambda engine: announce_keys(engine, state))
    typer.echo(f"{told} feeds have the keys.")


@keys.command("rotate")
@failing_clearly
def rotate(
    service: Annotated[str, typer.Argument(help="intake, referral or reporting.")],
    suspect_from: Annotated[
        datetime | None,
        typer.Option(formats=[_MINUTE], help="The old key was in other hands since (UTC)."),
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Give one service a new key to sign with, once every partner's feed has it.

    What the old key has signed stays good for ever, and for a week it may
    still sign what waits. With --suspect-from nothing counts that it signed
    from then on. A stolen key of referral is replaced at once and without an
    announcement, since the thief could announce as well: hand the keys over
    in person (`siraba keys show`).

    Example:

      siraba keys rotate intake
    """
    if service not in SERVICES:
        raise ServerError(f"service: must be one of {', '.join(SERVICES)}")
    now = datetime.now(UTC)
    since = suspect_from and suspect_from.replace(tzinfo=UTC)
    if since is not None and since > now:
        raise ServerError("--suspect-from: must not be in the future")
    if since is not None and service == ANNOUNCER:
        new = _replaced(state_of(platform_settings(state_dir=state_dir)), since=since, now=now)
        typer.echo("Hand the keys over in person: `siraba keys show`.")
    else:
        state = running_state(state_dir)
        new = with_tables_of(
            ANNOUNCER,
            state,
            lambda engine: rotate_signing_key(engine, state, service, now=now, suspect_from=since),
        )
    typer.echo(f"{service} signs with {new.id} from now on.")


def _replaced(state: State, *, since: datetime, now: datetime) -> PublicKey:
    """Whoever announces cannot announce its own end."""
    new = make_next(ANNOUNCER, now=now)
    take_up(state, new, now=now, suspect_from=since)
    hand_over(state)
    return new.public
