"""Two chains under the same load in turns, so that whatever else the machine does meets both."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from tests.bench.chain import Chain, Run, numbers

Report = Callable[[str], None]


@dataclass(slots=True)
class Versus:
    """The runs of both, in order; every ratio is of medians and above 1 when ours is better."""

    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)

    @property
    def cpu_ratio(self) -> float:
        """Their processor time a case by ours."""
        return median(r.cpu_ms for r in self.theirs) / median(r.cpu_ms for r in self.ours)

    @property
    def rate_ratio(self) -> float:
        """Our complete cases a second by theirs."""
        return median(r.rate for r in self.ours) / median(r.rate for r in self.theirs)

    def latency_ratio(self, share: float) -> float:
        """Their latency by ours, at this share of the cases."""
        theirs = median(r.latency_ms(share) for r in self.theirs)
        return theirs / median(r.latency_ms(share) for r in self.ours)


async def in_turns(
    ours: Chain,
    theirs: Chain,
    *,
    cases: tuple[int, int],
    rounds: int,
    per_second: float | None = None,
    report: Report = print,
) -> Versus:
    """`rounds` runs of each; cases: of ours and of theirs a run."""
    result = Versus()
    for _ in range(rounds):
        for chain, count, runs in zip(
            (ours, theirs), cases, (result.ours, result.theirs), strict=True
        ):
            run = await chain.run(count, per_second=per_second)
            report(told(chain.name, run))
            runs.append(run)
    return result


def told(name: str, run: Run) -> str:
    """One run in one line."""
    latency = " ".join(f"p{share * 100:.0f} {run.latency_ms(share):.1f}" for share in (0.5, 0.99))
    return (
        f"{name:8} {run.cases} cases: {run.rate:.0f}/s, {run.cpu_ms:.2f} ms CPU a case, "
        f"POST to partner {latency} ms; us a case: {numbers(run.cpu_us())}"
    )
