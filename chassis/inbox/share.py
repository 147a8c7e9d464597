"""Each partner's share of attention: a token bucket, so that a flood delays only its sender."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.inbox import waiting
from chassis.inbox.received import Raw
from chassis.inbox.settling import Settling, each
from contracts.topology import origin_of

PER_SECOND = 50.0
BURST = 500.0
LATER_SECONDS = 1.0

#: Whether this organisation's next message is within its share: (code, monotonic seconds).
Share = Callable[[str | None, float], bool]


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


async def within_shares(
    delivered: Sequence[tuple[Settling, Raw]], *, fits: Share, work: AsyncEngine, consumer: str
) -> list[tuple[Settling, Raw]]:
    """Those whose turn it is; the others are put aside before anything is spent on them.

    Whose it is, the server has stamped on it: what it says of itself may be anything.
    """
    now, whose = monotonic(), [origin_of(raw.headers) for _, raw in delivered]
    fit = [fits(code, now) for code in whose]
    later = [(one, code) for one, code, its in zip(delivered, whose, fit, strict=True) if not its]
    if later:
        aside = [(raw, code) for (_, raw), code in later]
        async with work.begin() as connection:
            await waiting.read_later(connection, consumer, aside, seconds=LATER_SECONDS)
        await each([message for (message, _), _ in later], lambda m: m.ack())
    return [one for one, its in zip(delivered, fit, strict=True) if its]
