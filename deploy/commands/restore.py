"""`siraba restore`: the newest backup and every commit since, onto an empty state folder."""

import asyncio
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from deploy.backup import places, restoring
from deploy.commands.backup import folder_of
from deploy.commands.context import failing_clearly, platform_settings
from deploy.embedded.processes import ServerError
from deploy.state import State


@failing_clearly
def restore(
    *,
    key: Annotated[Path, typer.Option(help="The file that `siraba backup key` wrote.")],
    from_dir: Annotated[
        Path | None, typer.Option("--from", help="Backup folder (default SIRABA_BACKUP_DIR).")
    ] = None,
    base_only: Annotated[
        bool, typer.Option("--base-only", help="Leave out what was committed after the backup.")
    ] = False,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z"],
            help="Only what was committed by then: 2026-11-29T08:30:00+0000.",
        ),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="An empty folder, but for vault/ (default .siraba).")
    ] = None,
) -> None:
    """Bring a platform back after its disk is gone; then `siraba up` starts it.

    First lay the vault's keys into vault/ of the new state folder: no backup
    holds them. Whoever was erased since the backup is erased again within
    seconds of the start. With --until it goes back to before a mistake: what
    was answered after that moment is lost, and must be done again.

    Example:

      siraba restore --from /mnt/backup --key /media/usb/siraba-backup.key
    """
    if until and base_only:
        raise ServerError("--base-only or --until: the backup alone has one moment, its own")
    began = monotonic()
    settings = platform_settings(state_dir=state_dir, backup_dir=from_dir)
    state = State(settings.state_dir.resolve())
    opener = places.private_key(key)
    work = restoring.restore(state, folder_of(settings), key=opener, wal=not base_only, until=until)
    _tell(asyncio.run(work), monotonic() - began)


def _tell(done: restoring.Restored, seconds: float) -> None:
    typer.echo(f"Backup {done.backup} and {done.segments} segments of commits since are back,")
    typer.echo(f"after {seconds:.0f} s. Events that are sent again: {done.again}.")
    if done.gone:
        typer.echo(f"{done.gone} events were taken by all and are in no stream any more.")
    typer.echo(f"Persons that stay erased: {done.erased}. Now start `siraba up`.")
