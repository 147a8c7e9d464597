"""Our services without signatures or without seals: what these cost, and that they protect.

    python -m tests.controls.unsealed SERVICE [signing]

The same hops, rows, numbers and chains, with three collaborators taken away: the key that the relay
signs with, the belief of the consumers, and what seals a disclosure. With `signing` only the last.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from fastapi import FastAPI

from chassis.assembly import Parts, assemble
from chassis.inbox.received import Raw
from chassis.trust import Trust
from contracts.signing import Kind, Signer
from deploy.commands.run import serve
from deploy.service_process import ServiceProcess
from tests.bench.clear import write_clear


class NoSigner(Signer):
    """Leaves the place of the signature empty."""

    def __init__(self) -> None:
        self.key_id = ""

    def sign(self, payload: bytes, *, kind: Kind) -> str:
        """Nothing."""
        return ""

    def sign_events(self, payloads: Sequence[bytes]) -> list[str]:
        """Nothing, for each."""
        return [""] * len(payloads)


@dataclass(frozen=True, slots=True)
class Believer(Trust):
    """Believes everybody."""

    async def refresh(self, batch: Sequence[Raw] = ()) -> None:
        """There is nothing to learn."""

    def check(self, raw: Raw) -> None:
        """Let it through."""


def assemble_unsigned(*given: Any, **named: Any) -> Parts:
    """As `assemble`, with a relay that does not sign and consumers that do not check."""
    parts = assemble(*given, **named)
    parts.relay.stamper = replace(parts.relay.stamper, signer=NoSigner)
    parts.trust = Believer(parts.trust.kind, parts.trust.keys)
    parts.trust_of_partners = Believer(parts.trust_of_partners.kind, parts.trust_of_partners.keys)
    return parts


def maker(service: str, *, signing: bool) -> Callable[[], FastAPI]:
    """What makes the app of this service."""
    taken: dict[str, Any] = {} if signing else {"assembly": assemble_unsigned}
    if service == "intake":
        taken["seal"] = write_clear
    return partial(import_module(f"services.{service}.app").create_app, **taken)


class Unsealed(ServiceProcess):
    """A service that signs and does not seal."""

    def command(self) -> Sequence[str]:
        """This program instead of `siraba run`."""
        return [sys.executable, "-m", "tests.controls.unsealed", self.name, "signing"]


class Unprotected(ServiceProcess):
    """A service that does neither."""

    def command(self) -> Sequence[str]:
        """This program instead of `siraba run`."""
        return [sys.executable, "-m", "tests.controls.unsealed", self.name]


if __name__ == "__main__":
    serve(sys.argv[1], maker(sys.argv[1], signing="signing" in sys.argv[2:]))
