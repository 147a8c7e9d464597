"""What a day's signed root stands on, to the byte: the leaves of its tree, and what is signed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Final, NamedTuple

from contracts.evidence import merkle_root

#: Instead of a stream's name, for the chains of who looked at what.
AUDIT: Final = "AUDIT"


class Leaf(NamedTuple):
    """The head of one chain. stream: a stream's name, or AUDIT; key: what it counts within.

    last: the newest number; head: its 32-byte digest.
    """

    stream: str
    key: str
    last: int
    head: bytes

    @property
    def name(self) -> str:
        """What leaves are sorted by: so that two neighbours show that nothing lies between.

        The key is hashed, since a neighbour is shown to those who do not know it.
        """
        return f"{self.stream} {sha256(self.key.encode()).hexdigest()}"

    @property
    def text(self) -> bytes:
        """The leaf itself."""
        return f"{self.name} {self.last} {self.head.hex()}".encode()


class Root(NamedTuple):
    """What one service's record came to on one day. made_at: aware; root: 32 bytes."""

    service: str
    day: date
    made_at: datetime
    size: int
    root: bytes

    @property
    def payload(self) -> bytes:
        """What is signed, as kind `root`."""
        made_at = self.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lines = (
            f"service:{self.service}",
            f"day:{self.day.isoformat()}",
            f"made:{made_at}",
            f"size:{self.size}",
            f"root:{self.root.hex()}",
        )
        return "".join(f"{line}\n" for line in lines).encode()


def in_order(leaves: Iterable[Leaf]) -> list[Leaf]:
    """The leaves as the tree has them."""
    return sorted(leaves, key=lambda leaf: leaf.name)


def root_over(leaves: list[Leaf], *, service: str, day: date, made_at: datetime) -> Root:
    """The root over leaves that are in order."""
    root = merkle_root([leaf.text for leaf in leaves])
    return Root(service, day, made_at, len(leaves), root)
