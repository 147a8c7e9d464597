"""Draws a way as a waterfall of plain text, which any terminal and any log can show."""

from collections.abc import Iterator

from deploy.tracing.way import Way

BAR = 24


def draw(way: Way, *, title: str) -> Iterator[str]:
    """Lines: start, bar on a common scale, the step below its cause, where, how long."""
    if not way.steps:
        yield f"{title}: no step was kept (its trace was not sampled, or is older than the store)"
        yield from way.remarks
        return
    begin = min(step.started_at for step in way.steps)
    end = max(step.ended_at for step in way.steps)
    whole = max((end - begin).total_seconds(), 1e-6)
    services = {step.service for step in way.steps}
    yield f"{title}: {len(way.steps)} steps through {len(services)} services in {whole:.2f} s"
    yield f"{'start s':>8}  {'':{BAR}}  {'step':<58} {'service':<10} {'ms':>8}"
    for depth, step in way.in_order():
        start = (step.started_at - begin).total_seconds()
        bar = _bar(start / whole, step.milliseconds / 1000 / whole)
        towards = f" ({step.organisation})" if step.organisation else ""
        mark = " FAILED" if step.failed else ""
        label = f"{'  ' * depth}{step.name}{towards}{mark}"
        yield f"{start:8.3f}  {bar}  {label:<58} {step.service:<10} {step.milliseconds:8.1f}"
    yield from (f"  ! {remark}" for remark in way.remarks)


def _bar(start: float, length: float) -> str:
    left = min(int(start * BAR), BAR - 1)
    width = max(1, min(BAR - left, round(length * BAR)))
    return "." * left + "#" * width + "." * (BAR - left - width)
