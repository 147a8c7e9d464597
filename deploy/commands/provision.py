"""`siraba provision`: declares accounts, streams and consumers, or says what differs."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import failing_clearly, nats_address, platform_settings, state_of
from deploy.engines import accounts_of, known_partners, let_in
from deploy.keys import PROVISIONER, SYSTEM, Partner, seed_file
from deploy.provision import Outcome, codes_of, emit, provision, reload_by_system_account
from deploy.settings import PlatformSettings
from deploy.state import State


@failing_clearly
def provision_command(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only report; exit 1 on a drift.")] = False,
    emit_dir: Annotated[
        Path | None,
        typer.Option("--emit", help="Write include files for an external NATS into this folder."),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="With --emit: let the server read them at once.")
    ] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder for everything that is kept (default .siraba).")
    ] = None,
) -> None:
    """Bring NATS to the declared state; run it again at any time.

    Accounts come from the public keys in the state folder, streams from the
    directory file. Differences are printed field by field. What cannot change
    on a living stream is left alone, and the exit code is 1.

    Examples:

      siraba provision

      siraba provision --check

      siraba provision --emit /etc/nats/siraba --reload
    """
    settings = platform_settings(state_dir=state_dir)
    state = state_of(settings)
    partners = known_partners(state, settings)
    if emit_dir is not None:
        _emit(emit_dir, state, partners)
        if reload:
            asyncio.run(_reload(state, settings))
        return
    outcome = asyncio.run(_provision(state, settings, partners, check=check))
    _show(outcome, check=check)
    if not outcome.clean:
        raise typer.Exit(1)


async def _provision(
    state: State, settings: PlatformSettings, partners: tuple[Partner, ...], *, check: bool
) -> Outcome:
    if settings.embedded_nats and not check:
        await let_in(state, settings)
    url = nats_address(state, settings)
    seed = seed_file(state, PROVISIONER)
    return await provision(url, seed, codes_of(partners), check=check)


async def _reload(state: State, settings: PlatformSettings) -> None:
    await reload_by_system_account(nats_address(state, settings), seed_file(state, SYSTEM))


def _emit(folder: Path, state: State, partners: tuple[Partner, ...]) -> None:
    for path in emit(folder, accounts_of(state, partners)):
        typer.echo(f"wrote {path}")
    typer.echo("Include both files in the server's configuration and set its max_payload to 1MB.")


def _show(outcome: Outcome, *, check: bool) -> None:
    for difference in outcome.found:
        done = "repaired" if difference in outcome.repaired else "differs"
        typer.echo(f"{done}: {difference}")
    for reason in outcome.refused:
        typer.echo(f"refused: {reason}", err=True)
    if not outcome.found:
        typer.echo("streams and consumers are as declared")
    elif check:
        typer.echo("`siraba provision` without --check repairs what can be repaired")
