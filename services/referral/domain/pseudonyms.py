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
        return str(UUID(bytes=self._mac(b"subject:", case_id)[:16], version=4))

    def trace(self, case_id: UUID, *, sampled: bool) -> str:
        """A traceparent of the trace this organisation sees of the case, and nobody else."""
        trace_id = self._mac(b"trace:", case_id)[:16].hex()
        return f"00-{trace_id}-{'0' * 15}1-{'01' if sampled else '00'}"

    def _mac(self, purpose: bytes, case_id: UUID) -> bytes:
        return hmac.digest(self.key, purpose + case_id.bytes, "sha256")
