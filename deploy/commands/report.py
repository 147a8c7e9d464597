"""`siraba report`: the annual report, with every figure's unit, source and meaning."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.commands.context import failing_clearly, running_state, with_tables_of
from deploy.embedded.processes import ServerError
from deploy.reports import OWNER, drawn, edition_of, edition_of_year, read_manifest, signing
from deploy.state import State
from services.reporting.domain.edition import Audience, Edition
from services.reporting.editions import differences, manifest, relaid, write_edition
from services.reporting.use_cases.drawing import Drawn
from services.reporting.use_cases.indicating import INDICATORS

report = typer.Typer(
    help="Draw up the report of a year or another period; draw it again from its manifest.",
    no_args_is_help=True,
    add_completion=False,
)
Out = Annotated[Path, typer.Option(help="Folder to write; it must not hold anything.")]
Lang = Annotated[Literal["fr", "en"], typer.Option(help="Language of the report.")]
StateDir = Annotated[
    Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
]


@report.command("annual")
@failing_clearly
def annual(
    *,
    out: Out,
    year: Annotated[int | None, typer.Option(min=1970, max=2999, help="A calendar year.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First day, in place of a year.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="First day after the period.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Count what was recorded before this moment (last midnight).")
    ] = None,
    lang: Lang = "fr",
    internal: Annotated[
        bool, typer.Option("--internal", help="Numbers from 5 on, not for publication.")
    ] = False,
    state_dir: StateDir = None,
) -> None:
    """Write the report of a year: as a page and a PDF, its tables, and a signed manifest of what it was made of.

    Numbers below 11 are hidden, and as many others as it takes that none of
    them can be computed, also from earlier editions: what is shown here is
    registered as published.

    Example:

      siraba report annual --year 2025 --lang fr --out build/rapport-2025
    """
    if (year is None) == (first is None and end is None):
        raise ServerError("--year: give a year, or --from and --to")
    audience: Audience = "internal" if internal else "public"
    now = datetime.now(UTC)
    if year is None:
        period = {"from": first, "to": end, "as_of": as_of}
        asked = {name: given for name, given in period.items() if given}
        edition = edition_of(asked, audience=audience, now=now)
    else:
        edition = edition_of_year(year, as_of=as_of, audience=audience, now=now)
    state = running_state(state_dir)
    _write(_draw(state, edition), out, lang=lang, state=state)


@report.command("again")
@failing_clearly
def again(
    manifest_file: Annotated[Path, typer.Argument(help="manifest.json, its signature beside it.")],
    *,
    out: Out,
    lang: Lang = "fr",
    state_dir: StateDir = None,
) -> None:
    """Draw an edition again from its manifest, and say whether every table is what it was.

    Nothing is written where one is not.

    Example:

      siraba report again build/rapport-2025/manifest.json --out build/encore
    """
    state = running_state(state_dir)
    edition, said = read_manifest(manifest_file, state, now=datetime.now(UTC))
    found = _draw(state, edition)
    for one in differences(said, _said(found)):
        typer.echo(f"differs: {one}", err=True)
    if differences(said, _said(found)):
        raise ServerError("the edition is not what it was: nothing is written")
    _write(found, out, lang=lang, state=state)
    for one in relaid(said, out):
        typer.echo(f"the same numbers, laid out otherwise: {one}", err=True)
    typer.echo(f"Identical: {len(said['tables'])} tables.")


def _said(found: Drawn) -> dict[str, Any]:
    return manifest(found)


def _draw(state: State, edition: Edition) -> Drawn:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("drawing up", total=2 * len(INDICATORS))
        return with_tables_of(
            OWNER,
            state,
            lambda engine: drawn(engine, edition, progress=lambda: bar.advance(task)),
        )


def _write(found: Drawn, out: Path, *, lang: str, state: State) -> None:
    try:
        files = write_edition(found, out, language=lang, sign=signing(state))
    except OSError as error:
        raise ServerError(str(error)) from None
    for file in files:
        typer.echo(str(file))
