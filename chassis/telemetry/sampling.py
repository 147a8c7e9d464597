"""Which traces are kept: all of them while little happens, one in twenty in a rush."""

from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

ALL_BELOW_PER_SECOND = 20
SHARE_ABOVE = 20


class RushSampler(Sampler):
    """Keeps every new trace below 20 a second and 5 % of those above (design §10)."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._second = 0
        self._seen = 0

    def should_sample(  # house: OpenTelemetry calls it so
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Counts new traces in the running second; a trace id decides which 5 % are kept."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._seen = second, 0
        self._seen += 1
        kept = self._seen <= ALL_BELOW_PER_SECOND or trace_id % SHARE_ABOVE == 0
        decision = Decision.RECORD_AND_SAMPLE if kept else Decision.DROP
        return SamplingResult(decision, attributes if kept else None)

    def get_description(self) -> str:
        """The name OpenTelemetry shows."""
        return "RushSampler"
