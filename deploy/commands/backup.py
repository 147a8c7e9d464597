"""`siraba backup`: take one, look whether it is whole, and make the key that opens it."""

import asyncio
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chassis.secrets import make_secret
from contracts.keyring import encode_base64url, generate_sealing_key, write_private_key
from deploy.backup import following, places, taking
from deploy.backup.places import RECIPIENT, Places
from deploy.commands.context import failing_clearly, platform_settings, state_of
from deploy.commands.up import stop_once
from deploy.embedded.postgres import SUPERUSER
from deploy.embedded.processes import ServerError
from deploy.settings import PlatformSettings
from deploy.state import State, write_secret

backup = typer.Typer(
    help="Keep the platform on a second disk, sealed. The vault's keys are never among it.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[
    Path | None, typer.Option(help="Folder for everything that is kept (default .siraba).")
]
To = Annotated[Path | None, typer.Option(help="Backup folder (default SIRABA_BACKUP_DIR).")]


@backup.command("key")
@failing_clearly
def key(
    file: Annotated[Path, typer.Argument(help="Where the half that opens goes: off this machine.")],
    state_dir: StateDir = None,
) -> None:
    """Make the key that backups are sealed to; only its public half stays here.

    Example:

      siraba backup key /media/usb/siraba-backup.key
    """
    state = state_of(platform_settings(state_dir=state_dir))
    made = generate_sealing_key(os.urandom(32))
    if not make_secret(file, write_private_key(made)):
        raise ServerError(f"{file} is there already")
    public = encode_base64url(made.public_key().public_bytes_raw())
    write_secret(state.secrets / RECIPIENT, public)
    typer.echo(f"Backups are sealed to {file}. Keep it where the backups are not.")


@backup.command("take")
@failing_clearly
def take(to: To = None, state_dir: StateDir = None) -> None:
    """Write a backup of the running platform; nothing stands still meanwhile.

    Example:

      siraba backup take --to /mnt/backup
    """
    settings = platform_settings(state_dir=state_dir, backup_dir=to)
    state = state_of(settings)
    folder = taking.take(
        state, folder_of(settings), admin_url=admin_url(state, settings), at=datetime.now(UTC)
    )
    typer.echo(f"Backup {folder.name} is whole.")


@backup.command("verify")
@failing_clearly
def verify(
    to: To = None,
    key_file: Annotated[
        Path | None, typer.Option("--key", help="Open every part too, with this key.")
    ] = None,
) -> None:
    """Compare the newest backup with what it says of itself; exit code 1 when it is damaged.

    Example:

      siraba backup verify --to /mnt/backup --key /media/usb/siraba-backup.key
    """
    newest = folder_of(platform_settings(backup_dir=to)).newest()
    opener = None if key_file is None else places.private_key(key_file)
    if wrong := places.verify(newest, opener):
        raise ServerError(f"backup {newest.name}: {'; '.join(wrong)}")
    typer.echo(f"Backup {newest.name} is what was written.")


@backup.command("follow", hidden=True)
@failing_clearly
def follow(state_dir: StateDir = None) -> None:
    """Seal what PostgreSQL wrote ahead and note who is erased; `siraba up` starts this itself."""
    settings = platform_settings(state_dir=state_dir)
    state = state_of(settings)
    with suppress(asyncio.CancelledError):
        asyncio.run(_follow(state, settings))


async def _follow(state: State, settings: PlatformSettings) -> None:
    stop_once()
    url = admin_url(state, settings)
    await following.follow(state, folder_of(settings), admin_url=url)


def folder_of(settings: PlatformSettings) -> Places:
    """Where backups go. Raises ServerError when nobody said."""
    if settings.backup_dir is None:
        raise ServerError("where to? --to FOLDER, or SIRABA_BACKUP_DIR")
    return Places(settings.backup_dir.resolve())


def admin_url(state: State, settings: PlatformSettings) -> str:
    """How PostgreSQL's tools reach it with the right to replicate. Raises ServerError."""
    if settings.database_admin_url is not None:
        return settings.database_admin_url.get_secret_value()
    database = state.status().get("database")
    if not database:
        raise ServerError(f"nothing runs on {state.root}: start `siraba up`")
    place = f"{database['host']}:{database['port']}/postgres"
    return f"postgresql+asyncpg://{SUPERUSER}:{state.password(SUPERUSER)}@{place}"
