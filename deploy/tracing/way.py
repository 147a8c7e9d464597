"""Orders spans into one tree: each below its cause, also across traces that only a link joins."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One span, or one row of a table that stands for a span which was not kept."""

    key: tuple[str, str]
    parent: tuple[str, str] | None
    links: tuple[tuple[str, str], ...]
    name: str
    service: str
    organisation: str | None
    started_at: datetime
    ended_at: datetime
    failed: bool

    @property
    def milliseconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds() * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is still open: a message that is `waiting` to be sent, `dead` or `parked`, and where.

    what: its name, the reason it died of, or how many there are.
    """

    kind: Literal["waiting", "dead", "parked"]
    service: str
    where: str
    what: str

    def __str__(self) -> str:
        if self.kind == "waiting":
            return f"{self.service}: {self.what} waits to be sent to {self.where}"
        if self.kind == "dead":
            return f"{self.service}: dead letter at {self.where}: {self.what}"
        return f"{self.service}: {self.what} parked at {self.where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A case's steps, and what is wrong or still open with it."""

    steps: tuple[Step, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def span(self) -> tuple[datetime, float]:
        """When the first of them began, and for how many seconds the whole took; there is one."""
        begin = min(step.started_at for step in self.steps)
        end = max(step.ended_at for step in self.steps)
        return begin, max((end - begin).total_seconds(), 1e-6)

    @property
    def orphans(self) -> list[Step]:
        """Steps whose parent is not there: none, if the picture is whole."""
        keys = {step.key for step in self.steps}
        return [step for step in self.steps if step.parent and step.parent not in keys]

    def in_order(self) -> Iterator[tuple[int, Step]]:
        """(depth, step), causes before effects, siblings by time."""
        children = _children(self.steps)
        stack = [(0, step) for step in reversed(children.get(None, []))]
        while stack:
            depth, step = stack.pop()
            yield depth, step
            below = children.get(step.key, [])
            stack.extend((depth + 1, child) for child in reversed(below))


def _children(steps: Iterable[Step]) -> dict[tuple[str, str] | None, list[Step]]:
    ordered = sorted(steps, key=lambda step: (step.started_at, step.ended_at))
    keys = {step.key for step in ordered}
    children: dict[tuple[str, str] | None, list[Step]] = {}
    for step in ordered:
        children.setdefault(_above(step, keys), []).append(step)
    return children


def _above(
    step: Step, keys: Sequence[tuple[str, str]] | set[tuple[str, str]]
) -> tuple[str, str] | None:
    """The parent, else what it is linked to: a partner's trace starts at a link to ours."""
    candidates = (*((step.parent,) if step.parent else ()), *step.links)
    return next((key for key in candidates if key in keys), None)
