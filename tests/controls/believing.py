"""Our services, whose consumers believe whatever they read.

    python -m tests.controls.believing SERVICE

They sign what they say themselves; only the check of what comes in is taken away.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from fastapi import FastAPI

from chassis.assembly import Parts, assemble
from deploy.commands.run import serve
from deploy.service_process import ServiceProcess
from tests.controls.unsealed import Believer


def assemble_believing(*given: Any, **named: Any) -> Parts:
    """As `assemble`, with consumers that do not check."""
    parts = assemble(*given, **named)
    parts.trust = Believer(parts.trust.kind, parts.trust.keys)
    parts.trust_of_partners = Believer(parts.trust_of_partners.kind, parts.trust_of_partners.keys)
    return parts


def maker(service: str) -> Callable[[], FastAPI]:
    """What makes the app of this service."""
    make = import_module(f"services.{service}.app").create_app
    return partial(make, assembly=assemble_believing)


class Believing(ServiceProcess):
    """A service that believes everybody."""

    def command(self) -> Sequence[str]:
        """This program instead of `siraba run`."""
        return [sys.executable, "-m", "tests.controls.believing", self.name]


if __name__ == "__main__":
    serve(sys.argv[1], maker(sys.argv[1]))
