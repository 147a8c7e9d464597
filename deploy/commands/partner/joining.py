"""How organisations come in, and go on with new keys: taken in, vouched for, examined, let in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.bundle import Endpoints, write_bundle
from deploy.commands.context import failing_clearly
from deploy.commands.partner.approved import Codes, Given, PublicFiles, with_approved
from deploy.commands.partner.at_hand import (
    StateDir,
    known_keys,
    known_standings,
    running,
    take_up_now,
    with_keys_that_count,
)
from deploy.directory import load_directory
from deploy.embedded.processes import ServerError
from deploy.keys import read_public_keys
from deploy.officer import check_file, countersign_file, read_officer
from deploy.onboarding import examined, keep_public_keys, let_wait
from deploy.settings import PlatformSettings
from deploy.signing_keys import to_hand_over
from deploy.state import State


@failing_clearly
def add(files: PublicFiles = None, *, approved: Codes = None, state_dir: StateDir = None) -> None:
    """Take in organisations of the directory: they wait for `siraba partner activate`.

    The files are made by `siraba-partner init`. Compare the key ids with the
    organisation by telephone before: whoever swaps the file can read for it.
    One that was cut off comes back with new keys, which two officers have
    countersigned. Keys that the committee approved by page are named by
    --approved CODE (`siraba partner waiting`).

    Example:

      siraba partner add shelter/public.json
    """
    state, settings = running(state_dir)
    with with_approved(files or (), approved or (), state=state) as given:
        codes, have_part = _checked(given, state, settings)
        if part := sorted(set(codes) & have_part):
            raise ServerError(f"takes part already: {', '.join(part)}: see `siraba partner rotate`")
        let_wait(state, given.files)
    typer.echo(f"Waiting for a report of conformance: {', '.join(codes)}.")


@failing_clearly
def rotate(
    files: PublicFiles = None, *, approved: Codes = None, state_dir: StateDir = None
) -> None:
    """Exchange the keys of organisations that take part: the earlier ones end now.

    The files are made by `siraba-partner renew` (next/public.json) and signed
    by the earlier keys. Where those are lost they are made by `siraba-partner
    init`, and two officers must have countersigned them. What the committee
    approved by page is named by its organisation (`siraba partner waiting`),
    and checked in the same way; the officers' words must be in it.

    Example:

      siraba partner rotate shelter/next/public.json
    """
    state, settings = running(state_dir)
    with with_approved(files or (), approved or (), state=state) as given:
        codes, have_part = _checked(given, state, settings)
        if strangers := sorted(set(codes) - have_part):
            raise ServerError(
                f"takes no part yet: {', '.join(strangers)}: see `siraba partner add`"
            )
        keep_public_keys(state, given.files)
    take_up_now(state, settings)
    typer.echo(f"New keys taken up: {', '.join(codes)}.")


@failing_clearly
def countersign(
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="public.json of each.")
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
    """Vouch for organisations' keys, as a directory officer, away from the platform.

    Intake seals to no key without an officer's word. A first start makes the
    officer's key in the state folder and vouches by itself: take the file
    elsewhere, and from then on only files that you have countersigned count.
    A second officer's word goes beside the first one's.

    Example:

      siraba partner countersign shelter/public.json --officer /media/stick/officer.key
    """
    signer = read_officer(officer)
    codes = [countersign_file(file, signer) for file in files]
    typer.echo(f"Vouched for: {', '.join(codes)}.")


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
    state, settings = running(state_dir)
    now = datetime.now(UTC)
    doors = {entry.code: entry.channel for entry in load_directory(settings.directory_file)}
    standings = known_standings(state)
    doors |= {code: one.channel for code, one in standings.items()}
    ready = [examined(state, report, doors=doors, now=now) for report in reports]
    codes = keep_public_keys(state, ready)
    take_up_now(state, settings)
    for file in ready:
        file.unlink()
    typer.echo(f"Let in: {', '.join(codes)}. Hand over `siraba partner bundle`.")
    for code in codes:
        if code in standings and standings[code].is_suspended:
            typer.echo(f"{code} is suspended until `siraba partner resume {code}`.")


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
    state, _ = running(state_dir)
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


def _checked(given: Given, state: State, settings: PlatformSettings) -> tuple[list[str], set[str]]:
    """The codes in these files, all of which may be taken in; and of all who take part.

    Raises ServerError, KeyFileError.
    """
    standings, known, now = known_standings(state), known_keys(state), datetime.now(UTC)
    codes = [read_public_keys(file).code for file in given.files]
    listed = {entry.code for entry in load_directory(settings.directory_file)} | standings.keys()
    if strangers := sorted(set(codes) - listed):
        raise ServerError(f"not in the directory: {', '.join(strangers)}")
    if gone := sorted(code for code in codes if code in standings and standings[code].is_removed):
        raise ServerError(
            f"removed: {', '.join(gone)}: bring it back with `siraba directory apply`"
        )
    for file, code in zip(given.files, codes, strict=True):
        before = [key for key in known if key.owner == code]
        is_by_page = file in given.by_page
        check_file(file, state=state, before=before, now=now, is_by_page=is_by_page)
    return codes, with_keys_that_count(known, now)
