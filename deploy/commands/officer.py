"""`siraba officer`: the directory officers, whose word makes intake believe an organisation's keys."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from contracts.keyring import Keyring, PublicKey
from deploy.commands.context import failing_clearly, platform_settings, state_of
from deploy.embedded.processes import ServerError
from deploy.officer import believe, make_officer, officers_of, read_public
from deploy.state import State

officer = typer.Typer(
    help="The directory officers: make a key away from the platform, believe one, end one.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[Path | None, typer.Option(help="State folder (default .siraba).")]
_MINUTE = "%Y-%m-%dT%H:%M"


@officer.command("make")
@failing_clearly
def make(
    key: Annotated[Path, typer.Argument(help="Where your private key goes; must not exist yet.")],
) -> None:
    """Make an officer's key, away from the platform; prints its public half to hand over.

    Each officer has one key, and keeps it. Two officers are needed to give an
    organisation new keys when it has lost its own.

    Example:

      siraba officer make /media/stick/officer.key > officer-public.json
    """
    typer.echo(Keyring([make_officer(key, now=datetime.now(UTC))]).write())


@officer.command("trust")
@failing_clearly
def trust(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="What `siraba officer make` printed."),
    ],
    state_dir: StateDir = None,
) -> None:
    """Let intake believe an officer from now on, without a restart.

    Compare the key id with the officer by telephone before: whoever swaps the
    file can vouch for keys.

    Example:

      siraba officer trust officer-public.json
    """
    keys = read_public(file)
    believe(_state(state_dir), keys)
    typer.echo(f"Believed from now on: {', '.join(key.id for key in keys)}.")


@officer.command("end")
@failing_clearly
def end(
    id: Annotated[str, typer.Argument(help="Key id, as `siraba officer show` lists it.")],
    *,
    suspect_from: Annotated[
        datetime | None,
        typer.Option(formats=[_MINUTE], help="The key was in other hands since (UTC)."),
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Let an officer who leaves, or whose key is lost, vouch for nothing new.

    Keys that were vouched for and taken up stay. If a thief may have vouched
    for some, look at them with `siraba partner keys` and revoke.

    Example:

      siraba officer end 0f1e2d3c4b5a6978
    """
    state, now = _state(state_dir), datetime.now(UTC)
    key = officers_of(state).get(id, use="signing")
    if key is None:
        raise ServerError("no officer has this key: see `siraba officer show`")
    since = suspect_from and suspect_from.replace(tzinfo=UTC)
    change = {"suspect_from": since} if since else {"valid_until": now}
    believe(state, [key.model_copy(update=change).ended_as(key)])
    typer.echo(f"{id} vouches for nothing new.")


@officer.command("show")
@failing_clearly
def show(state_dir: StateDir = None) -> None:
    """List the officers' keys, and which of them count.

    Example:

      siraba officer show
    """
    now = datetime.now(UTC)
    for key in officers_of(_state(state_dir)).keys:
        typer.echo(f"{key.id}  since {key.valid_from:%Y-%m-%d}  {_standing(key, now)}")


def _standing(key: PublicKey, now: datetime) -> str:
    fault = key.fault(now)
    return "counts" if fault is None else fault.replace("_", " ")


def _state(state_dir: Path | None) -> State:
    return state_of(platform_settings(state_dir=state_dir))
