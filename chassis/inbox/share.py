"""Each partner's share of attention: a token bucket, so that a flood delays only its sender."""

from dataclasses import dataclass, field

PER_SECOND = 50.0
BURST = 500.0


@dataclass(slots=True)
class Shares:
    """Refills by the second; an organisation that has used its share waits its turn."""

    per_second: float = PER_SECOND
    burst: float = BURST
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def fits(self, organisation: str | None, now: float) -> bool:
        """Take one token, if there is one. now: a monotonic clock in seconds."""
        if organisation is None:
            return True
        tokens, since = self._buckets.get(organisation, (self.burst, now))
        tokens = min(self.burst, tokens + (now - since) * self.per_second)
        fits = tokens >= 1
        self._buckets[organisation] = (tokens - fits, now)
        return fits
