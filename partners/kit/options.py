"""Options that several commands of `siraba-partner` share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Folder: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--dir",
        metavar="DIR",
        envvar="SIRABA_DIR",
        help="Your folder, made by `siraba-partner init`.",
    ),
]
Url: TypeAlias = Annotated[
    str,
    typer.Option(
        envvar="SIRABA_URL",
        help="Where Siraba listens; tls:// when it is not this machine, https:// without NATS.",
    ),
]
Code: TypeAlias = Annotated[
    str | None, typer.Option(metavar="CODE", help="Make sure the folder is this organisation's.")
]
Ca: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="PEM file of the authority that signed Siraba's key."),
]

#: Of `conform`.
Command: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="-- PROGRAM ARGUMENTS", help="Starts it.", show_default=False),
]
Signing: TypeAlias = Annotated[
    Path, typer.Option("--dir", metavar="DIR", help="Your keys; they only sign the report.")
]
NewCode: TypeAlias = Annotated[
    str | None, typer.Option("--code", metavar="CODE", help="Yours; makes keys where DIR has none.")
]
Reports: TypeAlias = Annotated[
    Path, typer.Option("--report", metavar="DIR", help="Where the report goes.")
]
Patience: TypeAlias = Annotated[
    float, typer.Option(min=1, metavar="SECONDS", help="Within which an answer is due.")
]
