"""`siraba explain`: why a need went where it went, in sentences that an officer understands."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from chassis.web.pages import LANGUAGES
from deploy.commands.context import database_url, failing_clearly, running_state
from deploy.embedded.processes import ServerError
from deploy.migrate import OPERATIONS
from deploy.tracing import UnknownCase
from deploy.tracing.collect import case_id_of
from services.referral.store import routings
from services.referral.store.routings import Routing
from services.referral.use_cases.explaining import explain as put_in_words


@failing_clearly
def explain(
    referral: Annotated[
        str, typer.Argument(help="Id of a referral, or a case's number or id for all of its.")
    ],
    lang: Annotated[str, typer.Option(help="Language of the words: fr or en.")] = "en",
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Say who was asked and why, who could have been, and why everybody else was not.

    Of a case: of each of its needs, also those that nobody was found for.
    docs/routing.md says what each rule rests on, and how it is contested.

    Examples:

      siraba explain 0f8fad5b-d9cb-469f-a165-70867728950e
      siraba explain ML-12-2026-7K3QXF-C --lang fr
    """
    if lang not in LANGUAGES:
        raise ServerError(f"unknown language: choose one of {', '.join(LANGUAGES)}")
    state = running_state(state_dir)
    found = asyncio.run(_found(database_url(state, OPERATIONS), referral))
    for one in found:
        for line in put_in_words(one, lang).lines():
            typer.echo(line)
        typer.echo()


async def _found(url: str, named: str) -> Sequence[Routing]:
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"server_settings": {"search_path": "referral"}},
    )
    try:
        async with engine.connect() as connection:
            try:
                id = await case_id_of(connection, named)
            except UnknownCase as unknown:
                raise ServerError(str(unknown)) from None
            one = await routings.one(connection, id)
            found = [one] if one is not None else await routings.of_case(connection, id)
    finally:
        await engine.dispose()
    if not found:
        raise ServerError("nothing was chosen under this id")
    return found
