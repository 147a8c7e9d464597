"""`siraba export`: a year's numbers in the form that others ask for."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import failing_clearly, running_state, with_tables_of
from deploy.embedded.processes import ServerError
from deploy.reports import OWNER, drawn, edition_of_year
from services.reporting.exports import EXPORTS, write_export

Year = Annotated[int, typer.Option(min=1970, max=2999, help="A calendar year.")]
Out = Annotated[Path, typer.Option(help="CSV file to write; it must not be there yet.")]
AsOf = Annotated[
    str | None, typer.Option(help="Count what was recorded before this moment (last midnight).")
]
StateDir = Annotated[
    Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
]
export = typer.Typer(
    help="Write a year's numbers in the form that others ask for.",
    no_args_is_help=True,
    add_completion=False,
)


@export.command("glotip")
@failing_clearly
def glotip(*, year: Year, out: Out, as_of: AsOf = None, state_dir: StateDir = None) -> None:
    """Write the 13 columns of UNODC's file on trafficking, and a dictionary of them.

    The numbers are those of the public report of the year, hidden where it
    hides them, and registered as published.

    Example:

      siraba export glotip --year 2025 --out build/glotip-2025.csv
    """
    _write("glotip", year=year, out=out, as_of=as_of, state_dir=state_dir)


@export.command("ctdc")
@failing_clearly
def ctdc(*, year: Year, out: Out, as_of: AsOf = None, state_dir: StateDir = None) -> None:
    """Write the columns of CTDC's global dataset, as numbers of persons, and a dictionary of them.

    No row is a person: each says how many have what it names. The numbers are
    those of the public report of the year, hidden where it hides them, and
    registered as published.

    Example:

      siraba export ctdc --year 2025 --out build/ctdc-2025.csv
    """
    _write("ctdc", year=year, out=out, as_of=as_of, state_dir=state_dir)


@export.command("htcds")
@failing_clearly
def htcds(*, year: Year, out: Out, as_of: AsOf = None, state_dir: StateDir = None) -> None:
    """Write how often each value of IOM's case data standard holds, and a dictionary of the columns.

    No row is a person. The numbers are those of the public report of the year,
    hidden where it hides them, and registered as published.

    Example:

      siraba export htcds --year 2025 --out build/htcds-2025.csv
    """
    _write("htcds", year=year, out=out, as_of=as_of, state_dir=state_dir)


def _write(name: str, *, year: int, out: Path, as_of: str | None, state_dir: Path | None) -> None:
    edition = edition_of_year(year, as_of=as_of, audience="public", now=datetime.now(UTC))
    found = with_tables_of(
        OWNER,
        running_state(state_dir),
        lambda engine: drawn(engine, edition, progress=lambda: None),
    )
    try:
        files = write_export(out, EXPORTS[name], found)
    except OSError as error:
        raise ServerError(str(error)) from None
    for file in files:
        typer.echo(str(file))
