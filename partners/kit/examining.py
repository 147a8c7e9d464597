"""`siraba-partner conform`: have your own program examined, on your own machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partners.kit.running import run

if TYPE_CHECKING:
    from partners.conformance.command import Conforming

NOT_CONFORMING = 4

Command = Annotated[
    list[str],
    typer.Argument(metavar="-- PROGRAM ARGUMENTS", help="Starts it.", show_default=False),
]
Signing = Annotated[
    Path,
    typer.Option(
        "--dir", metavar="DIR", envvar="SIRABA_DIR", help="Your keys; they only sign the report."
    ),
]
NewCode = Annotated[
    str | None, typer.Option("--code", metavar="CODE", help="Yours; makes keys where DIR has none.")
]
Reports = Annotated[Path, typer.Option("--report", metavar="DIR", help="Where the report goes.")]
Patience = Annotated[
    float, typer.Option(min=1, metavar="SECONDS", help="Within which an answer is due.")
]
ByHttp = Annotated[
    bool, typer.Option("--http", help="Your program comes by the HTTP door, not by NATS.")
]


def conform(
    command: Command,
    *,
    folder: Signing = Path("siraba-partner"),
    code: NewCode = None,
    reports: Reports = Path("conformance"),
    patience: Patience = 20.0,
    by_http: ByHttp = False,
) -> None:
    """Examine your own program, in any language, on a sandbox that this command starts.

    The program finds its folder in SIRABA_DIR and the address in SIRABA_URL; let it accept all
    offers. Leaves report.html, report.json (signed, for the operator) and program.log.

    Exit code: 0 it conforms, 4 it does not, 1 it could not be examined.

    \b
    Examples:
      siraba-partner conform -- python our_program.py
      siraba-partner conform --dir shelter -- node answering.js
      siraba-partner conform --http -- ./our-program --accept-all
    """
    examined = _suite()(
        command=tuple(command),
        folder=folder,
        code=code,
        reports=reports,
        patience=patience,
        door="http" if by_http else "nats",
    )
    found: list[bool] = []
    if not run(examined.run(_line, found=found)):
        raise typer.Exit(1)
    if not all(found):
        raise typer.Exit(NOT_CONFORMING)


def _suite() -> type["Conforming"]:
    """Only now: who just listens needs no server, and no suite."""
    try:
        from partners.conformance.command import Conforming
    except ModuleNotFoundError:
        typer.echo("siraba-partner: pip install 'siraba-partner[conformance]'", err=True)
        raise typer.Exit(1) from None
    return Conforming


def _line(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # as it is judged, also into a pipe
