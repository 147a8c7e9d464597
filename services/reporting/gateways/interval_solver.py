"""HiGHS computes what somebody else could: the bounds of a sum, given all sums that are known."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from highspy import Highs, HighsModelStatus, HighsVarType

from chassis.highs import quiet_highs
from services.reporting.domain.disclosure import Bounds, Groups

# No more people than that live in Mali: an open end is as wide.
MOST: Final = 25_000_000
_NEARLY: Final = 1e-6
_Numbers = np.ndarray[Any, np.dtype[np.float64]]


class NoBounds(Exception):
    """The known sums contradict each other, or the solver failed: nothing may be published on that."""


def bounds_of(
    known: Mapping[Groups, int], asked: Sequence[Groups], *, wide: float = math.inf
) -> list[Bounds]:
    """The least and the most that each asked sum can be. Raises `NoBounds`.

    Groups are whole persons, none below zero: an attacker knows that as well. wide: bounds at
    least that far apart are some that can be, and need not be the furthest.
    """
    if not asked:
        return []
    question = _Question(known, asked)
    for nth in range(len(asked)):
        for sign in (-1, 1):
            if question.width(nth) < wide:
                question.push(nth, sign=sign)
    return list(zip(question.least.tolist(), question.most.tolist(), strict=True))


class _Question:
    """All populations that fit what is known. least, most: of each asked sum, as found so far."""

    def __init__(self, known: Mapping[Groups, int], asked: Sequence[Groups]):
        groups = sorted(set().union(*known, *asked))
        place = {group: at for at, group in enumerate(groups)}
        self._rows = [(_places(place, one), value) for one, value in known.items() if one]
        self._asked = [_places(place, one) for one in asked]
        self._groups = len(groups)
        self.least: _Numbers = np.full(len(asked), math.inf)
        self.most: _Numbers = np.full(len(asked), -math.inf)
        self._fast = self._model()

    def width(self, nth: int) -> float:
        """How far apart the bounds of an asked sum are by now; below zero before the first."""
        return float(self.most[nth] - self.least[nth])

    def push(self, nth: int, *, sign: int) -> None:
        """The furthest population that way, from which every asked sum may learn.

        Broken persons are let in first, since that is much quicker; mostly none is in the answer.
        """
        found = self._furthest(self._fast, nth, sign=sign)
        whole = np.round(found)
        if np.abs(found - whole).max(initial=0.0) > _NEARLY or not self._fits(whole):
            whole = np.round(self._furthest(self._exact, nth, sign=sign))
        sums = np.array([whole[places].sum() for places in self._asked])
        self.least = np.minimum(self.least, sums)
        self.most = np.maximum(self.most, sums)

    @cached_property
    def _exact(self) -> Highs:
        model = self._model()
        # A bound that is nearly right would let out what is exactly k wide, or one less.
        model.setOptionValue("mip_rel_gap", 0.0)
        model.setOptionValue("mip_abs_gap", 0.0)
        everyone = np.arange(self._groups, dtype=np.int32)
        integer = np.full(self._groups, HighsVarType.kInteger, dtype=np.uint8)
        model.changeColsIntegrality(self._groups, everyone, integer)
        return model

    def _model(self) -> Highs:
        model = quiet_highs()
        for _ in range(self._groups):
            model.addVar(0.0, float(MOST))
        for places, value in self._rows:
            model.addRow(float(value), float(value), len(places), places, np.ones(len(places)))
        return model

    def _furthest(self, model: Highs, nth: int, *, sign: int) -> _Numbers:
        costs = np.zeros(self._groups)
        costs[self._asked[nth]] = -sign
        model.changeColsCost(self._groups, np.arange(self._groups, dtype=np.int32), costs)
        model.run()
        if model.getModelStatus() != HighsModelStatus.kOptimal:
            raise NoBounds
        return np.array(model.getSolution().col_value)

    def _fits(self, whole: _Numbers) -> bool:
        return all(whole[places].sum() == value for places, value in self._rows)


def _places(place: Mapping[str, int], groups: Groups) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array(sorted(place[one] for one in groups), dtype=np.int32)
