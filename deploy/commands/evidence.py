"""`siraba evidence`: what shows to others that nothing about a case was changed."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.commands.context import (
    database_url,
    failing_clearly,
    nats_address,
    platform_settings,
    running_state,
)
from deploy.embedded.processes import ServerError
from deploy.evidence import all_roots, collect_evidence
from deploy.keys import PROVISIONER, seed_file
from deploy.migrate import OPERATIONS
from deploy.signing_keys import platform_keys
from deploy.state import State, write_secret
from deploy.tracing import UnknownCase

evidence = typer.Typer(
    help="Export a case so that others can check it offline; list keys and roots.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[
    Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
]
Out = Annotated[Path, typer.Option("--out", help="File to write (mode 0600).")]


@evidence.command("export")
@failing_clearly
def export(
    case: Annotated[str, typer.Argument(help="Case number (ML-…) or case id.")],
    *,
    out: Out,
    state_dir: StateDir = None,
) -> None:
    """Write everything signed about a case, with what proves that it is whole.

    Coded facts and ids only, no name; who looked at the case, by organisation
    and role. Check it anywhere with `python -m partners.verify`, with keys and
    roots that do not come from here.

    Example:

      siraba evidence export ML-12-2026-7K3QXF-C --out case.json
    """
    state = running_state(state_dir)
    try:
        found = asyncio.run(_collected(state, case))
    except UnknownCase as unknown:
        raise ServerError(str(unknown)) from None
    write_secret(out, json.dumps(found, indent=1))
    typer.echo(f"{out}: {len(found['messages'])} messages, roots of {_days(found)}")


@evidence.command("roots")
@failing_clearly
def roots(*, out: Out, state_dir: StateDir = None) -> None:
    """Write every signed root, as a witness holds them: the file for `--roots`.

    Example:

      siraba evidence roots --out roots.json
    """
    state = running_state(state_dir)
    held = asyncio.run(all_roots(database_url(state, OPERATIONS)))
    write_secret(out, json.dumps({"roots": [one.written() for one in held]}, indent=1))
    typer.echo(f"{out}: {len(held)} roots")


@evidence.command("keys")
@failing_clearly
def keys(*, out: Out, state_dir: StateDir = None) -> None:
    """Write every public key our services ever signed with: the file for `--keys`.

    Example:

      siraba evidence keys --out keys.json
    """
    write_secret(out, platform_keys(running_state(state_dir)).write())
    typer.echo(f"{out}: public keys of the services")


async def _collected(state: State, case: str) -> dict[str, Any]:
    return await collect_evidence(
        database_url(state, OPERATIONS),
        case,
        nats_url=nats_address(state, platform_settings(state_dir=state.root)),
        seed=seed_file(state, PROVISIONER),
        now=datetime.now(UTC),
    )


def _days(found: dict[str, Any]) -> str:
    return ", ".join(f"{one['service']} {one['day']}" for one in found["roots"]) or "no day yet"
