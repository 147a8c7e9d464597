"""`siraba export`: a year's numbers in the form that others ask for."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import failing_clearly, running_state, with_tables_of
from deploy.embedded.processes import ServerError
from deploy.reports import OWNER, drawn, edition_of
from services.reporting.exports import COLUMNS, glotip_rows, write_export

export = typer.Typer(
    help="Write a year's numbers in the form that others ask for.",
    no_args_is_help=True,
    add_completion=False,
)


@export.callback()
def every() -> None:
    """Write a year's numbers in the form that others ask for."""


@export.command("glotip")
@failing_clearly
def glotip(
    *,
    year: Annotated[int, typer.Option(min=1970, max=2999, help="A calendar year.")],
    out: Annotated[Path, typer.Option(help="CSV file to write; it must not be there yet.")],
    as_of: Annotated[
        str | None, typer.Option(help="Count what was recorded before this moment (last midnight).")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Write the 13 columns of UNODC's file on trafficking, and a dictionary of them.

    The numbers are those of the public report of the year, hidden where it
    hides them, and registered as published.

    Example:

      siraba export glotip --year 2025 --out build/glotip-2025.csv
    """
    asked = {"from": f"{year}-01-01", "to": f"{year + 1}-01-01"}
    moment = {"as_of": as_of} if as_of else {}
    edition = edition_of(asked | moment, audience="public", now=datetime.now(UTC))
    found = with_tables_of(
        OWNER,
        running_state(state_dir),
        lambda engine: drawn(engine, edition, progress=lambda: None),
    )
    try:
        files = write_export(out, COLUMNS, glotip_rows(found))
    except OSError as error:
        raise ServerError(str(error)) from None
    for file in files:
        typer.echo(str(file))
