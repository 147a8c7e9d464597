"""`siraba partner`: organisations' keys on a running platform, from the first to the last."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.directory_keys import load_keys
from contracts.keyring import PublicKey
from deploy.bundle import Endpoints, write_bundle
from deploy.commands.context import (
    database_url,
    failing_clearly,
    platform_settings,
    running_state,
    with_tables_of,
)
from deploy.directory import load_directory
from deploy.embedded.processes import ServerError
from deploy.keys import read_public_keys
from deploy.officer import check_file, countersign_file, counts, read_officer
from deploy.onboarding import examined, keep_public_keys, let_wait, put_away, take_up
from deploy.settings import PlatformSettings
from deploy.signing_keys import to_hand_over
from deploy.state import State

partner = typer.Typer(
    help="Organisations that take part with a program: let in, new keys, cut off.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[Path | None, typer.Option(help="State folder (default .siraba).")]
#: Whose directory it is.
OWNER = "referral"
_OPEN = text("""
    select count(*) from referrals
    where organisation = :code and state in ('offered', 'received', 'accepted', 'started')
""")


@partner.command("add")
@failing_clearly
def add(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="public.json of each, as `siraba-partner init` made it.",
        ),
    ],
    state_dir: StateDir = None,
) -> None:
    """Take in organisations of the directory file, or the new keys of those that take part.

    Who is new waits for `siraba partner activate`. Keys that are replaced end
    now, and must have signed the new ones (`siraba-partner renew`). Compare the
    key ids with the organisation by telephone before: whoever swaps the file
    can read for it.

    Example:

      siraba partner add shelter/public.json
    """
    state, settings = _running(state_dir)
    listed = {entry.code for entry in load_directory(settings.directory_file)}
    strangers = sorted({read_public_keys(file).code for file in files} - listed)
    if strangers:
        raise ServerError(f"not in the directory file: {', '.join(strangers)}")
    known, now = with_tables_of(OWNER, state, _load_keys), datetime.now(UTC)
    for file in files:
        code = read_public_keys(file).code
        before = [key for key in known if key.owner == code]
        check_file(file, state=state, before=before, now=now)
    current = {key.owner for key in known if key.use == "signing" and counts(key, now)}
    has_part = [file for file in files if read_public_keys(file).code in current]
    if has_part:
        codes = keep_public_keys(state, has_part)
        _take_up(state, settings)
        typer.echo(f"New keys taken up: {', '.join(codes)}.")
    if waiting := let_wait(state, [file for file in files if file not in has_part]):
        typer.echo(f"Waiting for a report of conformance: {', '.join(waiting)}.")


@partner.command("activate")
@failing_clearly
def activate(
    reports: Annotated[
        list[Path],
        typer.Argument(
            exists=True, dir_okay=False, help="report.json of each, by `siraba-partner conform`."
        ),
    ],
    state_dir: StateDir = None,
) -> None:
    """Let organisations in whose programs have shown that they conform.

    Each must be signed by the organisation that waits, pass every check by the
    door it will use and be no older than 30 days. Nothing restarts and nobody else is disturbed.

    Example:

      siraba partner activate shelter/conformance/report.json
    """
    state, settings = _running(state_dir)
    now = datetime.now(UTC)
    doors = {entry.code: entry.channel for entry in load_directory(settings.directory_file)}
    ready = [examined(state, report, doors=doors, now=now) for report in reports]
    codes = keep_public_keys(state, ready)
    _take_up(state, settings)
    for file in ready:
        file.unlink()
    typer.echo(f"Let in: {', '.join(codes)}. Hand over `siraba partner bundle`.")


@partner.command("bundle")
@failing_clearly
def bundle(
    folder: Annotated[Path, typer.Argument(help="Where to lay it; must not exist yet.")],
    *,
    nats: Annotated[str | None, typer.Option(help="NATS as organisations reach it.")] = None,
    web: Annotated[str | None, typer.Option(help="The web address, as they reach it.")] = None,
    authority: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="PEM of the authority, if it is not a public one."
        ),
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Lay out what an organisation that joins is handed: nothing in it is secret.

    Addresses, the platform's public keys, schemas of all messages, signed
    examples, the description of the NATS door. The keys are to be compared by
    telephone: whoever swaps them can speak for the platform.

    Example:

      siraba partner bundle hand-over --nats tls://siraba.example:8422 --web https://siraba.example
    """
    state, _ = _running(state_dir)
    status = state.status()
    endpoints = Endpoints(
        nats=nats or str(status["nats_url"]),
        web=web or str(status["front_url"]),
        authority=authority,
    )
    try:
        write_bundle(folder, state, endpoints)
    except FileExistsError:
        raise ServerError(f"{folder} exists already") from None
    typer.echo(f"Hand over {folder}, and read these key ids out by telephone:")
    for key in to_hand_over(state).keys:
        typer.echo(f"  {key.owner:<10} {key.use:<8} {key.id}")


@partner.command("countersign")
@failing_clearly
def countersign(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="public.json of each organisation."),
    ],
    officer: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Your private key, first in STATE/officer/officer.key.",
        ),
    ],
) -> None:
    """Vouch for organisations' keys, as the directory officer, away from the platform.

    Intake seals to no key without an officer's word. A first start makes the
    officer's key in the state folder and vouches by itself: take the file
    elsewhere, and from then on only files that you have countersigned count.

    Example:

      siraba partner countersign shelter/public.json --officer /media/stick/officer.key
    """
    signer = read_officer(officer)
    codes = [countersign_file(file, signer) for file in files]
    typer.echo(f"Vouched for: {', '.join(codes)}.")


@partner.command("revoke")
@failing_clearly
def revoke(
    code: Annotated[str, typer.Argument(help="Code of the organisation.")],
    state_dir: StateDir = None,
) -> None:
    """Cut an organisation off: its connection ends, its keys count for nothing from now on.

    What it signed before stays good. Its feed is kept. Say what becomes of
    its open referrals: they are counted here and stay where they are.

    Example:

      siraba partner revoke SHELTER_A
    """
    state, settings = _running(state_dir)
    put_away(state, code, now=datetime.now(UTC))
    _take_up(state, settings)
    left = with_tables_of(OWNER, state, lambda engine: _count_open(engine, code))
    typer.echo(f"{code} is cut off. Open referrals with it: {left}.")


@partner.command("show")
@failing_clearly
def show(state_dir: StateDir = None) -> None:
    """List the organisations with a feed, and the keys of each.

    Example:

      siraba partner show
    """
    state, settings = _running(state_dir)
    keys: dict[str, list[str]] = {}
    for key in sorted(with_tables_of(OWNER, state, _load_keys), key=lambda key: key.use):
        end = f" until {key.valid_until:%Y-%m-%d %H:%M}" if key.valid_until else ""
        keys.setdefault(key.owner, []).append(f"{key.use} {key.id}{end}")
    table = Table("organisation", "channel", "keys")
    for entry in load_directory(settings.directory_file):
        if entry.channel != "desk" or entry.code in keys:
            table.add_row(entry.code, entry.channel, "\n".join(keys.get(entry.code, ["none"])))
    Console().print(table)


async def _count_open(engine: AsyncEngine, code: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(_OPEN, {"code": code})).scalar_one())


async def _load_keys(engine: AsyncEngine) -> list[PublicKey]:
    async with engine.connect() as connection:
        return await load_keys(connection)


def _running(state_dir: Path | None) -> tuple[State, PlatformSettings]:
    return running_state(state_dir), platform_settings(state_dir=state_dir)


def _take_up(state: State, settings: PlatformSettings) -> None:
    asyncio.run(take_up(state, settings, database_url=database_url(state, f"{OWNER}_work")))
    if not state.status().get("nats_ports"):
        typer.echo("NATS is external: run `siraba provision --emit DIR --reload` now.", err=True)
