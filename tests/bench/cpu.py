"""How much processor time whole process trees have used, from /proc."""

import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def used(trees: Mapping[str, int]) -> dict[str, float]:
    """Seconds of user and system time by name; trees: name → process id of the root.

    A child that has ended still counts: its parent carries what it used. Ticks are 10 ms.
    """
    ticks, children = _read()
    return {name: _sum(root, ticks, children) / _TICK for name, root in trees.items()}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Seconds used between two readings, by name."""
    return {name: after[name] - before[name] for name in before}


def _sum(root: int, ticks: Mapping[int, int], children: Mapping[int, list[int]]) -> int:
    below = sum(_sum(child, ticks, children) for child in children.get(root, ()))
    return ticks.get(root, 0) + below


def _read() -> tuple[dict[int, int], dict[int, list[int]]]:
    ticks: dict[int, int] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in parentheses may hold anything; the numbers come after the last one.
            fields = path.read_text().rpartition(")")[2].split()
            pid = int(path.parent.name)
            children[int(fields[1])].append(pid)
            ticks[pid] = sum(int(field) for field in fields[11:15])
    return ticks, children
