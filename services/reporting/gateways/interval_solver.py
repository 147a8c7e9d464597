"""HiGHS computes what somebody else could: the bounds of a sum, given all sums that are known."""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from highspy import Highs, HighsModelStatus, HighsVarType, kHighsInf

from chassis.highs import quiet_highs
from services.reporting.domain.disclosure import Bounds, Groups

# No more people than that live in Mali: an open end is as wide.
MOST: Final = 25_000_000
_NEARLY: Final = 1e-6
# Of broken persons, so much is laid to the arithmetic: the less is then claimed to be known.
_DOUBT: Final = 1e-4
# From one question to the next only the aim changes, so the last answer still fits.
_PRIMAL_SIMPLEX: Final = 4
_Numbers = np.ndarray[Any, np.dtype[np.float64]]
_Places = np.ndarray[Any, np.dtype[np.int32]]


class NoBounds(Exception):
    """The known sums contradict each other, or the solver failed: nothing may be published on that."""


def bounds_of(
    known: Mapping[Groups, int], asked: Sequence[Groups], *, wide: float = math.inf
) -> list[Bounds]:
    """The least and the most that each asked sum can be. Raises `NoBounds`.

    Groups are whole persons, none below zero: an attacker knows that as well. wide: see `Bounding`.
    """
    return Bounding(wide=wide)(known, asked)


class Bounding:
    """Solves one question after the other; of what it found it keeps what holds with what is known.

    wide: only three things are wanted of the bounds of a sum: whether they are at least so far
    apart, and if not, whether the least is below it and the most above none. The bounds that are
    given are some that can be, and answer as the furthest would.
    """

    def __init__(self, *, wide: float = math.inf):
        self._wide = wide
        self._known: Mapping[Groups, int] = {}
        self._question: _Question | None = None

    def __call__(self, known: Mapping[Groups, int], asked: Sequence[Groups]) -> list[Bounds]:
        """As `bounds_of`."""
        if not asked:
            return []
        question = self._still_fitting(known, asked)
        question.ask(asked)
        for nth in range(len(asked)):
            question.settle(nth, wide=self._wide)
        return list(zip(question.least.tolist(), question.most.tolist(), strict=True))

    def _still_fitting(self, known: Mapping[Groups, int], asked: Sequence[Groups]) -> "_Question":
        """A population that fitted when more was known fits now; when less was, some of them do."""
        before, self._known = self._known.items(), dict(known)
        if self._question and self._question.has(asked, dict(known.items() - before)):
            self._question.forget(dict(before - known.items()))
            self._question.learn(dict(known.items() - before))
        else:
            self._question = _Question(known, asked)
        return self._question


class _End(NamedTuple):
    """How far a sum can go. rests_on: of each known sum, whether it holds it there."""

    at: float
    rests_on: np.ndarray[Any, np.dtype[np.bool_]]


class _Sums:
    """Sums over some places each. Not a product of matrices: its threads would wait for each other."""

    def __init__(self, places: Sequence[_Places]):
        self.places = places
        self._each = np.concatenate(places) if places else np.zeros(0, dtype=np.int32)
        self._starts = np.cumsum([0, *(len(one) for one in places[:-1])])

    def of(self, populations: _Numbers) -> _Numbers:
        """Every sum of each."""
        if not self.places:
            return np.zeros((*populations.shape[:-1], 0))
        found: _Numbers = np.add.reduceat(populations[..., self._each], self._starts, axis=-1)
        return found


class _Question:
    """All populations that fit what is known. least, most: of each asked sum, as found so far."""

    least: _Numbers
    most: _Numbers

    def __init__(self, known: Mapping[Groups, int], asked: Sequence[Groups]):
        groups = sorted(set().union(*known, *asked))
        self._place = {group: at for at, group in enumerate(groups)}
        sums = [one for one in known if one]
        self._row = {one: at for at, one in enumerate(sums)}
        self._sums = _Sums([self._places(one) for one in sums])
        self._values = np.array([known[one] for one in sums], dtype=float)
        self._is_known = np.ones(len(sums), dtype=bool)
        self._populations: list[_Numbers] = []
        self._ends: dict[tuple[Groups, int], _End] = {}
        self._models: list[Highs] = []

    def has(self, asked: Sequence[Groups], news: Mapping[Groups, int]) -> bool:
        """Whether each group of what is asked is in it, and what is new was known to it before."""
        return all(one <= self._place.keys() for one in asked) and all(
            self._row.get(one) is not None and self._values[self._row[one]] == value
            for one, value in news.items()
        )

    def forget(self, sums: Collection[Groups]) -> None:
        """These are not known any more."""
        for row in (self._row[one] for one in sums if one):
            self._is_known[row] = False
            self._ends = {key: end for key, end in self._ends.items() if not end.rests_on[row]}
            for model in self._models:
                model.changeRowBounds(row, -kHighsInf, kHighsInf)

    def learn(self, sums: Collection[Groups]) -> None:
        """These are known again: no end is as far away as it was, for sure."""
        if not sums:
            return
        self._ends = {}
        for row in (self._row[one] for one in sums):
            self._is_known[row] = True
            for model in self._models:
                model.changeRowBounds(row, self._values[row], self._values[row])
        self._populations = [one for one in self._populations if self._fits(one)]

    def ask(self, asked: Sequence[Groups]) -> None:
        """From now on these are asked for, of which each population that was found may tell."""
        self._names = asked
        self._asked = _Sums([self._places(one) for one in asked])
        found = self._asked.of(np.array(self._populations).reshape(-1, len(self._place)))
        self.least = found.min(axis=0, initial=math.inf)
        self.most = found.max(axis=0, initial=-math.inf)

    def settle(self, nth: int, *, wide: float) -> None:
        """Look for populations until the bounds of an asked sum say what is wanted of them.

        Broken persons are let in first, since that is much quicker; mostly none is in the answer,
        and what is too narrow with them is so the more without.
        """
        ends = []
        for sign in (-1, 1):
            if self._width(nth) >= wide:
                return
            ends.append(self._end(nth, sign=sign))
        least, most = ends
        is_narrow = most - least < wide
        if is_narrow and self.least[nth] < wide and self.most[nth] > 0:
            return
        if self._width(nth) < wide and self.least[nth] > least:
            self._exactly(nth, sign=-1, enough=self.most[nth] - wide)
        if self._width(nth) < wide and self.most[nth] < most:
            self._exactly(nth, sign=1, enough=self.least[nth] + wide)

    def _width(self, nth: int) -> float:
        """How far apart the bounds of an asked sum are by now; below zero before the first."""
        return float(self.most[nth] - self.least[nth])

    def _end(self, nth: int, *, sign: int) -> float:
        """What no population is beyond. It stays so until something is forgotten that it rests on."""
        key = (self._names[nth], sign)
        if key not in self._ends:
            found = self._furthest(self._fast, nth, sign=sign)
            prices = np.array(self._fast.getSolution().row_dual)
            self._ends[key] = _End(self._loosely(nth, found, sign=sign), prices != 0)
        return self._ends[key].at

    def _loosely(self, nth: int, found: _Numbers, *, sign: int) -> float:
        whole = np.round(found)
        if np.abs(found - whole).max(initial=0.0) <= _NEARLY and self._fits(whole):
            self._keep(whole)
            return float(whole[self._asked.places[nth]].sum())
        end = float(found[self._asked.places[nth]].sum()) + sign * _DOUBT
        return math.floor(end) if sign > 0 else math.ceil(end)

    def _exactly(self, nth: int, *, sign: int, enough: float) -> None:
        """The furthest population of whole persons, or one that is as far as is enough."""
        # HiGHS seeks the least cost, which is what `_furthest` makes of it.
        target = -sign * enough if math.isfinite(enough) else -kHighsInf
        self._strict.setOptionValue("objective_target", target)
        self._keep(np.round(self._furthest(self._strict, nth, sign=sign)))

    def _keep(self, whole: _Numbers) -> None:
        if not self._fits(whole):
            raise NoBounds
        self._populations.append(whole)
        sums = self._asked.of(whole)
        self.least = np.minimum(self.least, sums)
        self.most = np.maximum(self.most, sums)

    def _furthest(self, model: Highs, nth: int, *, sign: int) -> _Numbers:
        costs = np.zeros(len(self._place))
        costs[self._asked.places[nth]] = -sign
        model.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        model.run()
        found = model.getModelStatus()
        if found not in (HighsModelStatus.kOptimal, HighsModelStatus.kObjectiveTarget):
            raise NoBounds
        return np.array(model.getSolution().col_value)

    def _fits(self, whole: _Numbers) -> bool:
        return bool((self._sums.of(whole) == self._values)[self._is_known].all())

    @cached_property
    def _fast(self) -> Highs:
        model = self._model()
        model.setOptionValue("simplex_strategy", _PRIMAL_SIMPLEX)
        return model

    @cached_property
    def _strict(self) -> Highs:
        model = self._model()
        # A bound that is nearly right would let out what is exactly k wide, or one less.
        model.setOptionValue("mip_rel_gap", 0.0)
        model.setOptionValue("mip_abs_gap", 0.0)
        count = len(self._place)
        integer = np.full(count, HighsVarType.kInteger, dtype=np.uint8)
        model.changeColsIntegrality(count, np.arange(count, dtype=np.int32), integer)
        return model

    def _model(self) -> Highs:
        model = quiet_highs()
        for _ in self._place:
            model.addVar(0.0, float(MOST))
        given = zip(self._sums.places, self._values, self._is_known, strict=True)
        for places, value, is_known in given:
            ends = (value, value) if is_known else (-kHighsInf, kHighsInf)
            model.addRow(ends[0], ends[1], len(places), places, np.ones(len(places)))
        self._models.append(model)
        return model

    def _places(self, one: Groups) -> _Places:
        return np.array(sorted(self._place[group] for group in one), dtype=np.int32)
