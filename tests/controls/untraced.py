"""Our services where no trace is kept: what telemetry costs.

python -m tests.controls.untraced SERVICE
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from fastapi import FastAPI
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from chassis.assembly import assemble
from deploy.commands.run import serve
from deploy.service_process import ServiceProcess


def maker(service: str) -> Callable[[], FastAPI]:
    """What makes the app of this service."""
    create_app = import_module(f"services.{service}.app").create_app
    return partial(create_app, assembly=partial(assemble, sampler=ALWAYS_OFF))


class Untraced(ServiceProcess):
    """A service that begins no trace."""

    def command(self) -> Sequence[str]:
        """This program instead of `siraba run`."""
        return [sys.executable, "-m", "tests.controls.untraced", self.name]


if __name__ == "__main__":
    serve(sys.argv[1], maker(sys.argv[1]))
