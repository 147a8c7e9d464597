"""`siraba link`: a way into the committee's page or a desk's, for five minutes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from contracts.callers import issue_token
from deploy.commands.context import failing_clearly, running_state
from deploy.demonstration.cast import COMMITTEE
from deploy.embedded.processes import ServerError
from partners.kit import keys
from partners.kit.errors import KitError

# (service, role): the committee reads figures, every other organisation what is open to its desk.
FIGURES = ("reporting", "analyst")
DOSSIERS = ("intake", "focal_point")


@failing_clearly
def link(
    organisation: Annotated[
        str, typer.Option(help="Code of the organisation whose page is opened.")
    ] = COMMITTEE,
    key_dir: Annotated[
        Path | None,
        typer.Option("--keys", help="Its key folder (default <state>/partners/CODE)."),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Print an address that opens an organisation's page in a browser.

    The committee's page shows the figures, that of any other organisation
    the dossiers which are open to it, if its channel is desk. The address
    works for five minutes; the session it opens lasts eight hours for
    figures, half an hour for dossiers. The keys are made by
    `siraba-partner init --code CODE` before the platform starts; the
    demonstration has the committee's.

    Example:

      siraba link --state-dir .siraba/demo

      siraba link --organisation HOPITAL_KAYES
    """
    state = running_state(state_dir)
    front = str(state.status()["front_url"])
    typer.echo(entrance(front, key_dir or state.partners / organisation, code=organisation))


def entrance(front_url: str, key_dir: Path, *, code: str) -> str:
    """The address, with the organisation's token. Raises ServerError without usable keys of it."""
    try:
        ours = keys.load(key_dir, code=code)
    except KitError as error:
        raise ServerError(str(error)) from None
    service, role = FIGURES if code == COMMITTEE else DOSSIERS
    token = issue_token(
        ours.signing,
        organisation=code,
        role=role,
        audience=service,
        now=datetime.now(UTC),
    )
    return f"{front_url}/{service}/enter?token={token}"
