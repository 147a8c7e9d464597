"""Draws a way as a waterfall of plain text, which any terminal and any log can show."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deploy.tracing.way import Step, Way

BAR = 24


@dataclass(slots=True)
class Line:
    """A step to draw, with the consumers that ended there folded into it."""

    depth: int
    step: Step
    heard_by: list[Step] = field(default_factory=list)


def draw(way: Way, *, title: str) -> Iterator[str]:
    """Lines: start, bar on a common scale, the step below its cause, where, how long.

    A consumer from which nothing follows stands behind the message it read: `→ reporting 4`.
    """
    if not way.steps:
        yield f"{title}: no step was kept (its trace was not sampled, or is older than the store)"
        yield from map(str, way.remarks)
        return
    begin, whole = way.span
    services = {step.service for step in way.steps}
    yield f"{title}: {len(way.steps)} steps through {len(services)} services in {whole:.2f} s"
    yield f"{'start s':>8}  {'':{BAR}}  {'ms':>7}  {'service':<9}  step"
    for line in folded(way):
        step = line.step
        start = (step.started_at - begin).total_seconds()
        bar = _bar(start / whole, step.milliseconds / 1000 / whole)
        yield (
            f"{start:8.3f}  {bar}  {step.milliseconds:7.1f}  {step.service:<9}  "
            f"{'  ' * line.depth}{_label(line)}"
        )
    yield from (f"  ! {remark}" for remark in way.remarks)


def folded(way: Way) -> list[Line]:
    """The steps in order, those that end a branch folded into the message they read."""
    ordered = list(way.in_order())
    has_children = _parents(ordered)
    lines: list[Line] = []
    above: dict[int, Line] = {}
    for depth, step in ordered:
        sent = above.get(depth - 1)
        if sent is not None and not has_children[step.key] and _is_read_of(step, sent.step):
            sent.heard_by.append(step)
            continue
        above[depth] = Line(depth, step)
        lines.append(above[depth])
    return lines


def _parents(ordered: Sequence[tuple[int, Step]]) -> Mapping[tuple[str, str], bool]:
    """Which steps have something below them."""
    found: dict[tuple[str, str], bool] = defaultdict(bool)
    for (depth, step), (below, _) in itertools.pairwise(ordered):
        found[step.key] = below > depth
    return found


def _is_read_of(step: Step, sent: Step) -> bool:
    return step.name.startswith("process ") and sent.name.startswith("send ")


def _label(line: Line) -> str:
    step = line.step
    towards = f" to {step.organisation}" if step.name.startswith("send ") else ""
    by = f" from {step.organisation}" if step.name.startswith("process ") else ""
    place = (towards or by) if step.organisation else ""
    heard = ", ".join(f"{one.service} {one.milliseconds:.0f}" for one in line.heard_by)
    failed = " FAILED" if step.failed else ""
    return f"{step.name}{place}{f' → {heard}' if heard else ''}{failed}"


def _bar(start: float, length: float) -> str:
    left = min(int(start * BAR), BAR - 1)
    width = max(1, min(BAR - left, round(length * BAR)))
    return "." * left + "#" * width + "." * (BAR - left - width)
