"""How often one organisation or address may do something: beyond it the answer is 429, and when to come again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from time import monotonic

from chassis.web.problems import Refusal

ROOM = 10_000


@dataclass(slots=True)
class Throttle:
    """A bucket of tokens for each key, within this process and forgotten with it.

    per_second: how fast a bucket fills; burst: how much it holds. clock: seconds, monotonic.
    """

    per_second: float
    burst: float
    clock: Callable[[], float] = monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def admit(self, key: str) -> None:
        """Take a token. Raises Refusal 429 with Retry-After where there is none."""
        now = self.clock()
        tokens = self._tokens(key, now)
        if tokens < 1:
            wait = ceil((1 - tokens) / self.per_second)
            raise Refusal(
                429, "too_many", "More than your share", headers={"Retry-After": str(wait)}
            )
        self._buckets[key] = (tokens - 1, now)
        if len(self._buckets) > ROOM:
            self._forget(now)

    def give_back(self, key: str) -> None:
        """What was taken a moment ago was in order, and does not count."""
        now = self.clock()
        self._buckets[key] = (min(self._tokens(key, now) + 1, self.burst), now)

    def _tokens(self, key: str, now: float) -> float:
        tokens, since = self._buckets.get(key, (self.burst, now))
        return min(self.burst, tokens + (now - since) * self.per_second)

    def _forget(self, now: float) -> None:
        """A tenth, and those first who have most of their share left."""
        by_rest = sorted(self._buckets, key=lambda key: -self._tokens(key, now))
        for key in by_rest[: ROOM // 10]:
            del self._buckets[key]
