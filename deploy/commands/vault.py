"""`siraba vault`: the keys that keep persons' keys, for whoever answers for them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.keyring import Keyring
from deploy import key_rotation
from deploy.commands.context import (
    failing_clearly,
    platform_settings,
    running_state,
    state_of,
    with_tables_of,
)
from deploy.embedded.processes import ServerError
from deploy.key_rotation import Version, monthly_keys, vault_keys
from deploy.state import State
from services.intake.vault import KeyUnavailable

vault = typer.Typer(
    help="Look after the vault's keys: state, rotation, end. Key material is never shown.",
    no_args_is_help=True,
    add_completion=False,
)
_T = TypeVar("_T")
StateDir = Annotated[
    Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
]


@vault.command("status")
@failing_clearly
def status(state_dir: StateDir = None) -> None:
    """Show each key-encryption key: how many persons' keys it wraps, and whether it may go.

    Example:

      siraba vault status
    """
    state = running_state(state_dir)
    now = datetime.now(UTC)
    versions, destroyed = _run(state, lambda engine: key_rotation.survey(engine, vault_keys(state)))
    table = Table("key-encryption key", "persons' keys", "state")
    for version in versions:
        table.add_row(version.kek_id, str(version.uses), _said(version, now))
    console = Console()
    console.print(table)
    console.print(f"Keys destroyed, and their dossiers with them: {destroyed}", highlight=False)


@vault.command("rotate")
@failing_clearly
def rotate(state_dir: StateDir = None) -> None:
    """Make a new key-encryption key and bring every person's key under it.

    Works while cases come in, and may be broken off: the next call finishes
    what is left before it makes another. Copy the new file from
    vault/kek/ to where you keep the keys, apart from the database's
    backups. The old key stays until `siraba vault retire`.

    Example:

      siraba vault rotate
    """
    state = running_state(state_dir)
    now = datetime.now(UTC)
    done = _run(state, lambda engine: key_rotation.rotate(engine, vault_keys(state), at=now))
    what = "New key-encryption key" if done.is_new else "Finished the rotation to"
    typer.echo(f"{what} {done.kek_id}; {done.moved} persons' keys moved.")
    if done.damaged:
        cases = ", ".join(str(case_id) for case_id in done.damaged)
        raise ServerError(f"keys that are damaged and stay where they are: {cases}")


@vault.command("retire")
@failing_clearly
def retire(
    kek: Annotated[str, typer.Argument(help="Its name in `siraba vault status`.")],
    state_dir: StateDir = None,
) -> None:
    """Destroy an old key-encryption key for good, once nothing rests on it.

    Refuses while it is the newest, while it wraps any person's key, and for
    30 days after a rotation found it unused: backups of the database live
    that long.

    Example:

      siraba vault retire 20260101T080000Z
    """
    state = running_state(state_dir)
    now = datetime.now(UTC)
    _run(
        state,
        lambda engine: key_rotation.retire(engine, vault_keys(state), kek_id=kek, at=now),
    )
    typer.echo(f"{kek} is destroyed.")


@vault.command("sealing-keys")
@failing_clearly
def sealing_keys(state_dir: StateDir = None) -> None:
    """Print the public keys that partners seal to, as JSON to hand over.

    Example:

      siraba vault sealing-keys
    """
    state = state_of(platform_settings(state_dir=state_dir))
    typer.echo(Keyring(monthly_keys(state).public_keys()).write())


def _said(version: Version, now: datetime) -> str:
    if not version.is_here:
        return "MISSING: its file must come back from where the keys are kept"
    if version.is_newest:
        return "wraps"
    if version.uses or version.needed_until is None:
        return "to be rotated away"
    if now < version.needed_until:
        return f"kept for backups until {version.needed_until:%Y-%m-%d}"
    return "may be retired"


def _run(state: State, act: Callable[[AsyncEngine], Awaitable[_T]]) -> _T:
    try:
        return with_tables_of("intake", state, act)
    except KeyUnavailable as fault:
        raise ServerError(str(fault)) from None
