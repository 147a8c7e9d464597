"""Ids made from a clock and random bytes that the caller brings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID


def uuid7(now_ms: int, entropy: bytes) -> UUID:
    """A UUIDv7 (RFC 9562 §5.7) from Unix milliseconds and 10 random bytes."""
    value = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


@dataclass(frozen=True, slots=True)
class Mint:
    """Where an edge's ids come from. now_ms: Unix milliseconds; entropy: n random bytes."""

    now_ms: Callable[[], int]
    entropy: Callable[[int], bytes]

    def message_id(self) -> UUID:
        """A UUIDv7: sorts by time, which keeps indexes small."""
        return uuid7(self.now_ms(), self.entropy(10))

    def opaque_id(self) -> UUID:
        """A UUIDv4: says nothing about when, for what partners may see."""
        return UUID(bytes=self.entropy(16), version=4)

    def moment(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, tz=UTC)
