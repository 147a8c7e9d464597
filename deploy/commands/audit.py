"""`siraba audit`: whether the record of who looked at what is still what it was."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.audit_checks import check_audit
from deploy.commands.context import database_url, failing_clearly, running_state
from deploy.commands.doctor import report
from deploy.embedded.processes import ServerError
from deploy.migrate import OPERATIONS

audit = typer.Typer(
    help="Check the record of who looked at what.", no_args_is_help=True, add_completion=False
)


@audit.callback()
def _audit() -> None:
    """Keep `verify` a command of its own."""


@audit.command("verify")
@failing_clearly
def verify(
    *,
    roots: Annotated[
        Path | None, typer.Option(help="Roots that a witness kept, as `siraba evidence roots`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Read every chain of the audit from its beginning; exit code 1 when one does not hold.

    A row that was changed, taken out or put in breaks its chain, and a chain
    that was cut short differs from the newest root. Whoever can write the whole
    database could make all of it anew: only roots that somebody else keeps show
    that, so give a witness's file.

    Examples:

      siraba audit verify

      siraba audit verify --roots /media/witness/roots.json
    """
    state = running_state(state_dir)
    held = [] if roots is None else _witnessed(roots)
    report(asyncio.run(check_audit(database_url(state, OPERATIONS), held)), as_json=as_json)


def _witnessed(path: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["roots"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServerError(f"{path.name}: no file of roots ({type(error).__name__})") from None
    return found
