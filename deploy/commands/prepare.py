"""`siraba prepare`: what services on servers of their own need before they start, and meanwhile."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import failing_clearly, platform_settings
from deploy.commands.up import stop_once
from deploy.directory_publish import witnesses_of
from deploy.embedded.processes import ServerError
from deploy.password_file import write_password_files
from deploy.platform import Platform, mending, prepared
from deploy.settings import PlatformSettings


@failing_clearly
def prepare(
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on mending what is gone or new, until Ctrl-C.")
    ] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder for everything that is kept (default .siraba).")
    ] = None,
) -> None:
    """Prepare PostgreSQL and NATS of your own for services that run elsewhere; safe to repeat.

    Makes what is missing among secrets, roles, tables, streams and consumers,
    brings tables to the newest state, announces the directory and the keys,
    and writes each service's database passwords to secrets/<service>.pgpass.
    Needs SIRABA_DATABASE_ADMIN_URL (a role with CREATEROLE and CREATEDB is
    enough) and SIRABA_NATS_URL. One such process may run on a state folder.

    Examples:

      siraba prepare

      siraba prepare --watch
    """
    settings = platform_settings(state_dir=state_dir)
    if settings.embedded_nats or settings.embedded_postgres:
        raise ServerError(
            "prepare is for servers of your own: set SIRABA_NATS_URL and SIRABA_DATABASE_ADMIN_URL"
        )
    with suppress(asyncio.CancelledError):
        asyncio.run(_prepare(settings, watch=watch))


async def _prepare(settings: PlatformSettings, *, watch: bool) -> None:
    stop_once()
    platform = Platform(settings, typer.echo)
    platform.front_url = settings.front_url or ""
    async with prepared(platform):
        write_password_files(platform.state)
        told = await witnesses_of(platform.database_url("referral_work"))
        typer.echo(f"Prepared. Witnesses (SIRABA_WITNESSES of the services): {list(told)}")
        if watch:
            platform.write_status()
            async with mending(platform, typer.echo):
                await asyncio.Event().wait()
