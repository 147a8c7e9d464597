"""What the operators' pages stand on, and who is let in to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chassis.web import Entrance, Pages, Sessions
from contracts.keyring import Keyring
from deploy.measures.endpoint import Latest

ROLES = ("operator",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """database_url: of the operator's role, asked each time, since a platform that starts anew has another.

    latest: what was measured last, which Prometheus is told, too. spool: where notices lie that no
    gateway carries.
    """

    database_url: Callable[[], str] = field(repr=False)
    latest: Latest
    spool: Path
    pages: Pages
    entrance: Entrance
    clock: Callable[[], datetime]


def pages_entrance(
    *, secret: bytes, clock: Callable[[], datetime], ring: Callable[[], Keyring], secure: bool
) -> Entrance:
    """By the front's pass alone: there are no links, so that nobody needs to know this secret."""
    sessions = Sessions(secret, service="operations", path="/operations", secure=secure)
    return Entrance(sessions=sessions, key_of=_nobody, clock=clock, roles=ROLES, ring=ring)


async def _nobody(_: str) -> Ed25519PublicKey | None:
    return None
