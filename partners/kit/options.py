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
    typer.Option(
        metavar="FILE",
        envvar="SIRABA_CA",
        help="PEM file of the authority that signed Siraba's key.",
    ),
]
Patience: TypeAlias = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="How long to wait for Siraba.")
]
