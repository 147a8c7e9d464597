"""HiGHS chooses among the options of a placement, and proves how good its choice is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from highspy import HighsModelStatus, HighsVarType
from numpy.typing import NDArray

from chassis.highs import quiet_highs
from services.referral.domain.placement import PLACED, NoPlan, Program, Room, Solution

# Room is filled by quarters, each dearer than the one before: load spreads among equals.
SPREAD = (0, 1, 2, 3)
# Measured on twelve crowds of 500: what is off finds nothing here, and few cuts are enough for the
# proof.
_TUNED: dict[str, float | str] = {
    "presolve": "off",
    "mip_detect_symmetry": False,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_heuristic_run_rins": False,
    "mip_pool_soft_limit": 100,
    "mip_pool_age_limit": 10,
}
_ENDED = (HighsModelStatus.kOptimal, HighsModelStatus.kTimeLimit)
Numbers = NDArray[np.float64]
Columns = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HighsSolver:
    """Solves on one core, and always in the same way unless `seconds`, for each goal, run out."""

    seconds: float = 10.0

    def solve(self, program: Program) -> Solution:
        """Who, until nobody more can have a place but for somebody more urgent; then where, to 0.8 %.

        Raises `NoPlan`.
        """
        if not program.options:
            return Solution(chosen=(), gap=0.0)
        # Half a place from the bound is less than any one more would be worth.
        who = _Model(program, _Near(worth=PLACED / 2))
        worth = np.array([option.worth for option in program.options], float)
        pinned = [at for at, option in enumerate(program.options) if option.is_pinned]
        who.minimise(who.costs() - worth, seconds=self.seconds, start=pinned)
        first = who.chosen()
        placed = {program.options[at].ask for at in first}
        kept = [at for at, option in enumerate(program.options) if option.ask in placed]
        if not kept:
            return Solution(chosen=(), gap=who.gap())
        options = tuple(program.options[at] for at in kept)
        where = _Model(replace(program, options=options), _Near(share=0.008), is_every=True)
        start = [kept.index(at) for at in first]
        where.minimise(where.costs(), seconds=self.seconds, start=start)
        chosen = tuple(kept[at] for at in where.chosen())
        return Solution(chosen=chosen, gap=max(who.gap(), where.gap()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Near:
    """How far from the best possible is near enough: in the unit of costs, and as a share of the sum."""

    worth: float = 0.0
    share: float = 0.0

    def is_met(self, value: float, bound: float) -> bool:
        return value - bound <= max(self.worth, self.share * max(1.0, abs(value)))


class _Model:
    """A program in the solver: a column per option, per quarter of a room, per room not shared."""

    def __init__(self, program: Program, near: _Near, *, is_every: bool = False):
        self._program = program
        self._near = near
        self._count = len(program.options)
        self._quarters = self._count + np.arange(len(program.rooms) * len(SPREAD))
        self._options = np.arange(self._count, dtype=np.int32)
        first = self._count + len(self._quarters)
        self._switches = np.arange(first, first + len(program.rooms), dtype=np.int32)
        families = [at for at, option in enumerate(program.options) if option.size > 1]
        self._families = np.array(families, dtype=np.int32)
        self._bound = -np.inf
        self._highs = quiet_highs()
        for name, value in _TUNED.items():
            self._highs.setOptionValue(name, value)
        self._add_columns()
        self._add_rows(is_every=is_every)

    def costs(self) -> Numbers:
        """What each option costs, without the spread."""
        return np.array([option.cost for option in self._program.options], float)

    def minimise(self, costs: Numbers, *, seconds: float, start: Sequence[int]) -> None:
        """The sum over the options chosen, and the spread; `start` is a choice to be made better.

        First as if one could be in several rooms in part, so that no more is whole than for whom
        each room is: quick, and no choice is better. Then those rooms, with families whole (people
        alone are then whole of themselves: what is left is a flow), near enough for almost every
        group. Else all at once. Out of time there is always `start`.
        """
        until = self._highs.getRunTime() + seconds
        self._price(costs)
        self._make(self._options, HighsVarType.kContinuous)
        is_shared_out = self._is_found(until, part=0.5)
        self._learn_bound()
        if is_shared_out:
            kinds = self._values()[self._switches].round()
            self._bind_switches(kinds, kinds)
            self._make(self._families, HighsVarType.kInteger)
            self._highs.clearSolver()
            if self._is_found(until, part=0.5) and self._is_whole():
                if self._near.is_met(self._value(), self._bound):
                    return
                start = self.chosen()
        self._make(self._options, HighsVarType.kInteger)
        self._bind_switches(
            np.zeros_like(self._switches, float), np.ones_like(self._switches, float)
        )
        first = np.zeros(self._count)
        first[list(start)] = 1.0
        self._highs.setSolution(self._count, self._options, first)
        if not self._is_found(until):
            raise NoPlan(str(self._highs.getModelStatus()))
        self._learn_bound()

    def chosen(self) -> list[int]:
        """The options that are in."""
        return [int(at) for at in np.flatnonzero(self._values()[: self._count] > 0.5)]

    def gap(self) -> float:
        """How far, at most, the sum is from the best possible, as a share; 1 where nothing is known."""
        if not np.isfinite(self._bound):
            return 1.0
        return max(0.0, self._value() - self._bound) / max(1.0, abs(self._bound))

    def _is_found(self, until: float, *, part: float = 1.0) -> bool:
        """Whether there is a solution within this part of what is near enough, or of the time left."""
        self._highs.setOptionValue("mip_abs_gap", self._near.worth * part)
        self._highs.setOptionValue("mip_rel_gap", self._near.share * part)
        self._highs.setOptionValue("time_limit", max(0.0, until - self._highs.getRunTime()))
        self._highs.run()
        return self._highs.getModelStatus() in _ENDED and bool(np.isfinite(self._value()))

    def _is_whole(self) -> bool:
        options = self._values()[self._options]
        return bool(np.allclose(options, options.round(), atol=1e-6))

    def _learn_bound(self) -> None:
        self._bound = max(self._bound, self._highs.getInfo().mip_dual_bound)

    def _price(self, costs: Numbers) -> None:
        every = np.zeros(self._highs.getNumCol())
        every[self._options] = costs
        every[self._quarters] = np.tile(SPREAD, len(self._program.rooms))
        self._highs.changeColsCost(len(every), np.arange(len(every), dtype=np.int32), every)

    def _make(self, columns: Columns, kind: HighsVarType) -> None:
        self._highs.changeColsIntegrality(len(columns), columns, np.full(len(columns), kind))

    def _bind_switches(self, lower: Numbers, upper: Numbers) -> None:
        self._highs.changeColsBounds(len(self._switches), self._switches, lower, upper)

    def _value(self) -> float:
        return float(self._highs.getInfo().objective_function_value)

    def _values(self) -> Numbers:
        return np.array(self._highs.getSolution().col_value)

    def _add_columns(self) -> None:
        rooms = self._program.rooms
        lower = [float(option.is_pinned) for option in self._program.options]
        quarters = [width for room in rooms for width in _quarters(room)]
        self._columns(lower, [1.0] * self._count)
        self._columns([0.0] * len(quarters), quarters)
        self._columns([0.0] * len(rooms), [1.0] * len(rooms))
        self._make(self._switches, HighsVarType.kInteger)

    def _columns(self, lower: Sequence[float], upper: Sequence[float]) -> None:
        self._highs.addVars(len(lower), np.array(lower), np.array(upper))

    def _add_rows(self, *, is_every: bool) -> None:
        by_ask: dict[int, list[int]] = {}
        by_room: dict[int, list[int]] = {at: [] for at in range(len(self._program.rooms))}
        for at, option in enumerate(self._program.options):
            by_ask.setdefault(option.ask, []).append(at)
            by_room[option.room].append(at)
        for options in by_ask.values():
            self._row(dict.fromkeys(options, 1.0), at_least=float(is_every), at_most=1.0)
        for at, options in by_room.items():
            self._add_room(at, options)

    def _add_room(self, at: int, options: Sequence[int]) -> None:
        room, first = self._program.rooms[at], int(self._quarters[at * len(SPREAD)])
        sizes = {one: float(self._program.options[one].size) for one in options}
        filled = dict.fromkeys(range(first, first + len(SPREAD)), -1.0)
        self._row(sizes | filled, at_least=0.0, at_most=0.0)
        apart = {one: size for one, size in sizes.items() if self._program.options[one].is_apart}
        if room.is_shared or len(apart) in (0, len(sizes)):
            return
        # The switch gives the whole room to those set apart, or to the others. The row for each of
        # the few says nothing new about whole numbers, and is what makes the proof quick.
        switch = int(self._switches[at])
        others = {one: size for one, size in sizes.items() if one not in apart}
        for one in apart:
            self._row({one: 1.0, switch: -1.0}, at_most=0.0)
        self._row(apart | {switch: -float(room.left)}, at_most=0.0)
        self._row(others | {switch: float(room.left)}, at_most=float(room.left))

    def _row(self, terms: dict[int, float], *, at_most: float, at_least: float = -np.inf) -> None:
        columns = np.array(list(terms), dtype=np.int32)
        self._highs.addRow(at_least, at_most, len(terms), columns, np.array(list(terms.values())))


def _quarters(room: Room) -> list[float]:
    """Widths of whole places that add up to the room."""
    edges = [room.left * at // len(SPREAD) for at in range(len(SPREAD) + 1)]
    return [float(high - low) for low, high in pairwise(edges)]
