"""`siraba metrics`: what Prometheus asks and operators look at, beside the platform."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import Annotated, Final

import httpx
import typer
import uvicorn

from chassis.notify import SPOOL
from chassis.telemetry.logs import set_up_logging
from chassis.trust import PlatformKeys
from chassis.web.session import SECRET_BYTES
from deploy.commands.context import failing_clearly, nats_address, platform_settings, state_of
from deploy.embedded.processes import ServerError
from deploy.engines import ops_database_url
from deploy.keys import OPERATIONS, seed_file
from deploy.measures.endpoint import Latest
from deploy.measures.gather import Sources, gather
from deploy.measures.samples import Sample, written
from deploy.operations import Watch, layout, operations_app, pages_entrance
from deploy.settings import MetricsSettings, PlatformSettings
from deploy.state import State

#: Among the state's secrets; Prometheus reads it as its `credentials_file`.
TOKEN: Final = "metrics.token"  # noqa: S105 - a file's name


@failing_clearly
def metrics(
    *,
    once: Annotated[bool, typer.Option("--once", help="Print the numbers and end.")] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder for everything that is kept (default .siraba).")
    ] = None,
) -> None:
    """Serve the platform's numbers and the operators' pages, at SIRABA_METRICS_BIND and _PORT.

    Tables, streams and probes are asked when somebody asks here, at most every
    five seconds, and by roles that may only read. Whoever asks needs the token
    in `secrets/metrics.token` of the state folder, or in the file that
    SIRABA_METRICS_TOKEN_FILE names: small numbers point at persons. The
    pages are at `/operations/` of the one address, for whoever has an
    operator's account.

    Examples:

      siraba metrics

      siraba metrics --once | grep siraba_durable
    """
    settings = platform_settings(state_dir=state_dir)
    state = state_of(settings)
    if once:
        typer.echo(written(asyncio.run(_round(settings, state))).decode(), nl=False)
        return
    _serve(settings, state)


async def _round(settings: PlatformSettings, state: State) -> list[Sample]:
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        return await gather(sources_of(settings, state), http, now=datetime.now(UTC))


def sources_of(settings: PlatformSettings, state: State) -> Sources:
    """Where all is now: a platform that starts anew has other ports. Raises ServerError."""
    status = state.status()
    told = MetricsSettings()
    ports = status.get("nats_ports")
    embedded = f"http://127.0.0.1:{ports[1]}" if ports else None
    return Sources(
        nats_url=nats_address(state, settings),
        nats_seed=seed_file(state, OPERATIONS),
        database_url=ops_database_url(state, settings),
        service_urls=told.service_urls or status.get("service_urls", {}),
        monitor_url=told.nats_monitor_url or embedded,
        state_folder=state.root,
        backup_folder=settings.backup_dir,
    )


def watch_of(settings: PlatformSettings, state: State) -> Watch:
    """What the operators' pages stand on, on this state folder."""
    clock = partial(datetime.now, UTC)
    return Watch(
        database_url=lambda: ops_database_url(state, settings),
        latest=Latest(lambda: _round(settings, state)),
        spool=state.secrets / SPOOL,
        pages=layout(),
        entrance=pages_entrance(
            secret=token_bytes(SECRET_BYTES),
            clock=clock,
            ring=PlatformKeys(state.secrets).look,
            secure=settings.secure_cookies,
        ),
        clock=clock,
    )


def token_of(state: State, told: MetricsSettings) -> str:
    """What whoever asks must present. Raises ServerError for a file that says nothing."""
    if told.metrics_token_file is None:
        return state.secret(TOKEN)
    try:
        given = told.metrics_token_file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        given = ""
    if not given:
        raise ServerError("SIRABA_METRICS_TOKEN_FILE: missing, unreadable or empty")
    return given


def _serve(settings: PlatformSettings, state: State) -> None:
    told = MetricsSettings()
    app = operations_app(
        watch_of(settings, state), token=token_of(state, told), secure=settings.secure_cookies
    )
    set_up_logging("metrics")
    uvicorn.run(
        app,
        host=told.metrics_bind,
        port=told.metrics_port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
    )
