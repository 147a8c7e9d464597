"""`siraba up`: the whole platform in the foreground until Ctrl-C."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.context import failing_clearly, platform_settings
from deploy.commands.metrics import TOKEN
from deploy.directory_publish import strangers
from deploy.embedded.processes import free_port
from deploy.operations import NAME as OPERATIONS
from deploy.platform import Platform, running_platform
from deploy.service_process import MetricsProcess
from deploy.settings import MetricsSettings, PlatformSettings


@failing_clearly
def up(
    *,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder for everything that is kept (default .siraba).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the one address (default 8400, 0 for any).")
    ] = None,
    nats_port: Annotated[
        int | None, typer.Option(help="Port partners connect to (default 8422, 0 for any).")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port Prometheus asks (default 8410, 0 for any).")
    ] = None,
) -> None:
    """Start the platform and keep it running until Ctrl-C.

    Starts PostgreSQL and NATS (or uses those that SIRABA_DATABASE_ADMIN_URL
    and SIRABA_NATS_URL name), brings tables and streams to the newest state,
    starts the three services and serves them under one address, with the
    operators' pages and, beside them, the numbers that Prometheus asks for
    (see `siraba metrics --help`).
    Ctrl-C stops all and leaves nothing running.

    Examples:

      siraba up

      siraba up --state-dir /var/lib/siraba --port 8080

      SIRABA_NATS_URL=tls://nats.example:4222 siraba up
    """
    settings = platform_settings(state_dir=state_dir, front_port=port, nats_port=nats_port)
    # Refused before anything has started.
    counted_at = free_port(MetricsSettings().metrics_port if metrics_port is None else metrics_port)
    with suppress(asyncio.CancelledError):
        asyncio.run(_run(settings, counted_at))


async def _run(settings: PlatformSettings, counted_at: int) -> None:
    stop_once()
    async with running_platform(settings, report=typer.echo) as platform:
        counting = MetricsProcess(port=counted_at, state=platform.state)
        await platform.supervisor.add("metrics", counting)
        platform.paths[OPERATIONS] = counting.url
        platform.write_status()
        _announce(platform, counting)
        for code in await strangers(platform.state, platform.database_url("referral_work")):
            typer.echo(f"{code} has keys here and is not in the directory: nothing can come to it.")
            typer.echo("`siraba directory show` lists the codes there are.")
        await asyncio.Event().wait()


def stop_once() -> None:
    """Let the first signal end the task that runs now in order."""
    stopping = _StopOnce(asyncio.current_task())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopping)


class _StopOnce:
    """The first signal begins the orderly stop; later ones must not break it off."""

    def __init__(self, task: "asyncio.Task[None] | None") -> None:
        self._task = task
        self._asked = False

    def __call__(self) -> None:
        if self._task is not None and not self._asked:
            self._asked = True
            typer.echo("stopping")
            self._task.cancel()


def _announce(platform: Platform, counting: MetricsProcess) -> None:
    typer.echo(f"Siraba is up: {platform.front_url}/")
    typer.echo(f"Partners connect to {platform.nats_url}; logs are in {platform.state.run}")
    typer.echo(f"Operators look at {platform.front_url}/{OPERATIONS}/ (`siraba user invite`)")
    typer.echo(f"Prometheus asks {counting.url}/metrics, with the token in secrets/{TOKEN}")
    typer.echo("Ctrl-C stops everything.")
