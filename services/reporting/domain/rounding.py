"""Rounds a number and its parts so that what is shown together tells nobody of a few persons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.reporting.domain.disclosure import rounded_down

Parts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many things of one unit there are, and how many of each code where they are divided.

    by: by division, its codes; each thing has exactly one code of every division.
    """

    unit: str
    whole: int
    by: Mapping[str, Parts]


def rounded(count: Count, step: int) -> Count:
    """Every number as the last multiple of the step.

    A division is left out where somebody who adds up what is shown would know one of its small
    numbers, or another's, better than within the step.
    """
    if step == 1:
        return count
    whole = rounded_down(count.whole, step)
    kept: dict[str, Parts] = {}
    for division, parts in count.by.items():
        tried = kept | {division: {code: rounded_down(n, step) for code, n in parts.items()}}
        if not tells([{"": whole}, *tried.values()], step):
            kept = tried
    return replace(count, whole=whole, by=kept)


def tells(divisions: Sequence[Parts], step: int) -> bool:
    """Whether the divisions of one whole, all rounded down, pin a number that may be below the step.

    They have only the whole in common, which lies between the most of the least sums and the least
    of the most: what is left for a part when the others are at their ends is all there is to know.
    """
    spare = step - 1
    least = max(sum(parts.values()) for parts in divisions)
    most = min(sum(parts.values()) + spare * len(parts) for parts in divisions)
    for parts in divisions:
        low = sum(parts.values())
        high = low + spare * len(parts)
        for shown in parts.values():
            at_least = max(shown, least - (high - shown - spare))
            at_most = min(shown + spare, most - (low - shown))
            if at_least < step and at_most - at_least < spare:
                return True
    return False
