"""How much processor time and memory whole process trees use, from /proc."""

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


def held(trees: Mapping[str, int]) -> dict[str, float]:
    """MiB of memory by name; what processes share is split between them (PSS)."""
    pids = {one.name for one in Path("/proc").glob("[0-9]*")}
    sizes = {int(pid): _proportional_kib(pid) for pid in pids}
    _, children = _read()
    return {name: _sum(root, sizes, children) / 1024 for name, root in trees.items()}


def _proportional_kib(pid: str) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0


def _sum(root: int, amounts: Mapping[int, int], children: Mapping[int, list[int]]) -> int:
    below = sum(_sum(child, amounts, children) for child in children.get(root, ()))
    return amounts.get(root, 0) + below


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
