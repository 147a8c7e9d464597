"""`siraba run SERVICE`: one service alone, for containers and for `siraba up`."""

import gc
from collections.abc import Callable
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from chassis.telemetry.logs import set_up_logging
from contracts.topology import SERVICES
from deploy.commands.context import failing_clearly
from deploy.embedded.processes import ServerError
from deploy.settings import RunSettings


@failing_clearly
def run(
    service: Annotated[str, typer.Argument(help=f"One of: {', '.join(SERVICES)}.")],
) -> None:
    """Run one service in the foreground.

    Reads SIRABA_BIND and SIRABA_PORT (where to listen), SIRABA_NATS_URL,
    SIRABA_NATS_SEED_FILE, SIRABA_DATABASE_URL_WEB, SIRABA_DATABASE_URL_WORK
    and SIRABA_SECRETS_DIR.

    Example:

      SIRABA_PORT=8401 siraba run intake
    """
    if service not in SERVICES:
        raise ServerError(f"unknown service: choose one of {', '.join(SERVICES)}")
    serve(service, f"services.{service}.app:create_app")


def serve(service: str, create_app: str | Callable[[], FastAPI]) -> None:
    """Run the app that this makes, or that is made by what this names, until told to stop."""
    settings = RunSettings()
    set_up_logging(service)
    # What is loaded now stays, and a busy service makes thousands of short-lived objects a second:
    # looking through them less often is a twentieth of its work. A batch of messages in the making
    # holds some ten thousand, which would be looked through again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    uvicorn.run(
        create_app,
        factory=True,
        host=settings.bind,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        # The front drops idle connections first, so it never sends into a closed one.
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
    )
