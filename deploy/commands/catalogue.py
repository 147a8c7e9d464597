"""`siraba catalogue`: the reference of all messages, codes and APIs, as static pages."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import failing_clearly


@failing_clearly
def catalogue(
    out: Annotated[
        Path, typer.Option(help="Folder to write to; what an earlier call wrote is replaced.")
    ] = Path("build/catalogue"),
) -> None:
    """Write the reference: what travels, to whom, with every field, code and example.

    Static pages in French and English, which need no server and load nothing
    from afar; beside them the JSON Schemas, AsyncAPI and OpenAPI documents and
    real signed examples. Needs no running platform.

    Example:

      siraba catalogue --out build/catalogue
    """
    # Loaded when it is asked for: it assembles all three services.
    from deploy.catalogue.apis import openapi_documents
    from deploy.catalogue.site import build

    count = build(out, apis=openapi_documents())
    typer.echo(f"{count} pages: {out / 'index.html'}")
