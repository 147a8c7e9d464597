"""Compares what was promised with what is there: five sets and the order, in linear time."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer to one question. `acked` and `found` are counts, the others name each fault."""

    question: str
    acked: int
    found: int
    lost: tuple[Hashable, ...] = ()
    doubled: tuple[Hashable, ...] = ()
    unexpected: tuple[Hashable, ...] = ()
    disordered: tuple[Hashable, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.unexpected or self.disordered)

    def __str__(self) -> str:
        counts = f"{self.question}: {self.acked} promised, {self.found} found"
        faults = [
            f"{len(named)} {kind} ({', '.join(map(str, named[:SHOWN]))}…)"
            for kind in ("lost", "doubled", "unexpected", "disordered")
            if (named := getattr(self, kind))
        ]
        return "; ".join((counts, *faults))


@dataclass(slots=True)
class Audit:
    """All findings of one run."""

    findings: list[Finding] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many faults of a kind (`lost`, `doubled`, `unexpected`, `disordered`) were found."""
        return sum(len(getattr(finding, kind)) for finding in self.findings)

    @property
    def is_clean(self) -> bool:
        return all(finding.is_clean for finding in self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


def compare(
    question: str,
    *,
    acked: Iterable[Hashable],
    found: Iterable[Hashable],
    attempted: Iterable[Hashable] = (),
) -> Finding:
    """The five sets over keys; `attempted` may be there or not, since nobody got an answer."""
    promised, counted = set(acked), Counter(found)
    known = promised.union(attempted)
    return Finding(
        question=question,
        acked=len(promised),
        found=counted.total(),
        lost=tuple(key for key in promised if key not in counted),
        doubled=tuple(key for key, count in counted.items() if count > 1),
        unexpected=tuple(key for key in counted if key not in known),
    )


def in_order(question: str, numbered: Iterable[tuple[Hashable, int]]) -> Finding:
    """Within each place the numbers must come as 1, 2, 3…; names (place, number) of each jump."""
    last: dict[Hashable, int] = {}
    jumps, seen = [], 0
    for place, number in numbered:
        seen += 1
        if number != last.get(place, 0) + 1:
            jumps.append((place, number))
        last[place] = number
    return Finding(question=question, acked=seen, found=seen, disordered=tuple(jumps))
