"""Names for one case that differ from feed to feed, so that two feeds cannot be joined."""

import hmac
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FeedKey:
    """One organisation's key, from the platform's master key."""

    key: bytes

    @classmethod
    @lru_cache(maxsize=10_000)
    def of(cls, master: bytes, organisation: str) -> "FeedKey":
        """Derived, so that nothing has to be stored and every service finds the same."""
        return cls(hmac.digest(master, b"feed:" + organisation.encode(), "sha256"))

    def subject(self, case_id: UUID) -> str:
        """What this organisation knows the case by."""
        return str(UUID(bytes=_names(self.key, case_id)[:16], version=4))

    def trace(self, case_id: UUID, *, sampled: bool) -> str:
        """A traceparent of the trace this organisation sees of the case, and nobody else."""
        trace_id = _names(self.key, case_id)[16:].hex()
        return f"00-{trace_id}-{'0' * 15}1-{'01' if sampled else '00'}"


@lru_cache(maxsize=10_000)
def _names(key: bytes, case_id: UUID) -> bytes:
    """Two halves of one digest: neither tells the other without the key."""
    return hmac.digest(key, b"case:" + case_id.bytes, "sha256")
