"""The clock and the dice, in one place, so that a test can hold both still."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from contracts.identifiers import uuid7


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where time (aware, UTC) and random bytes come from."""

    now: Callable[[], datetime]
    random: Callable[[int], bytes]

    def new_id(self) -> UUID:
        """A fresh UUIDv7 for a message."""
        return uuid7(int(self.now().timestamp() * 1000), self.random(10))


def _utc_now() -> datetime:
    return datetime.now(UTC)


SYSTEM = Edge(now=_utc_now, random=secrets.token_bytes)
