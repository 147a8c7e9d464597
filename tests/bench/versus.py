"""Chains under the same load in turns, so that whatever else the machine does meets all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from tests.bench.chain import Chain, Run, numbers

Report = Callable[[str], None]
#: The runs of each chain, in order, by its name.
Runs = dict[str, list[Run]]


@dataclass(frozen=True, slots=True)
class Versus:
    """The runs of two chains, round by round; every ratio is above 1 when ours is better.

    Of each round by itself, then the median: a slow minute of the machine meets both sides of it.
    """

    ours: list[Run]
    theirs: list[Run]

    @property
    def cpu_ratio(self) -> float:
        """Their processor time a case by ours."""
        return self._median(lambda ours, theirs: theirs.cpu_ms / ours.cpu_ms)

    @property
    def saved_us(self) -> float:
        """Microseconds of processor time a case that ours spares."""
        return 1000 * self._median(lambda ours, theirs: theirs.cpu_ms - ours.cpu_ms)

    @property
    def rate_ratio(self) -> float:
        """Our complete cases a second by theirs."""
        return self._median(lambda ours, theirs: ours.rate / theirs.rate)

    def latency_ratio(self, share: float) -> float:
        """Their latency by ours, at this share of the cases."""
        return self._median(lambda ours, theirs: theirs.latency_ms(share) / ours.latency_ms(share))

    def _median(self, of: Callable[[Run, Run], float]) -> float:
        return median(of(*pair) for pair in zip(self.ours, self.theirs, strict=True))


async def in_turns(
    *chains: tuple[Chain, int],
    rounds: int,
    per_second: float | None = None,
    report: Report = print,
) -> Runs:
    """`rounds` runs of each chain with so many cases; each round begins with another chain."""
    runs: Runs = {chain.name: [] for chain, _ in chains}
    for nth in range(rounds):
        first = nth % len(chains)
        for chain, cases in (*chains[first:], *chains[:first]):
            run = await chain.run(cases, per_second=per_second)
            report(told(chain.name, run))
            runs[chain.name].append(run)
    return runs


def told(name: str, run: Run) -> str:
    """One run in one line."""
    latency = " ".join(f"p{share * 100:.0f} {run.latency_ms(share):.1f}" for share in (0.5, 0.99))
    return (
        f"{name:8} {run.cases} cases: {run.rate:.0f}/s, {run.cpu_ms:.2f} ms CPU a case, "
        f"POST to partner {latency} ms; us a case: {numbers(run.cpu_us())}"
    )
