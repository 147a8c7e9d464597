"""`siraba front`: the one address before services that run elsewhere."""

import asyncio
from contextlib import suppress

import typer

from chassis.telemetry.logs import set_up_logging
from deploy.commands.context import failing_clearly
from deploy.commands.up import stop_once
from deploy.front_server import front_paths, serve_front
from deploy.settings import FrontSettings, RunSettings


@failing_clearly
def front() -> None:
    """Serve the services under one address in the foreground, as `siraba up` does of its own.

    Reads SIRABA_BIND and SIRABA_PORT (where to listen) and SIRABA_SERVICE_URLS.
    Put a proxy with TLS before it.

    Example:

      SIRABA_SERVICE_URLS='{"intake": "http://10.0.0.2:8401"}' siraba front
    """
    with suppress(asyncio.CancelledError):
        asyncio.run(_serve(RunSettings(), FrontSettings()))


async def _serve(place: RunSettings, behind: FrontSettings) -> None:
    set_up_logging("front")
    stop_once()
    paths = front_paths(behind.service_urls)
    async with serve_front(paths, host=place.bind, port=place.port) as url:
        typer.echo(f"The front is at {url}/")
        await asyncio.Event().wait()
