"""HiGHS computes what somebody else could: the bounds of a sum, given all sums that are known."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from highspy import Highs, HighsModelStatus, HighsVarType

from services.reporting.domain.disclosure import Bounds, Groups

# No more people than that live in Mali: an open end is as wide.
MOST: Final = 25_000_000


class NoBounds(Exception):
    """The known sums contradict each other, or the solver failed: nothing may be published on that."""


def bounds_of(known: Mapping[Groups, int], asked: Sequence[Groups]) -> list[Bounds]:
    """The least and the most that each asked sum can be. Raises `NoBounds`.

    Groups are whole persons, none below zero: an attacker knows that as well.
    """
    groups = sorted(set().union(*known, *asked))
    if not asked:
        return []
    place = {group: at for at, group in enumerate(groups)}
    model = Highs()  # type: ignore[no-untyped-call]  # a binding without types
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    # A bound that is nearly right would let out what is exactly k wide, or one less.
    model.setOptionValue("mip_rel_gap", 0.0)
    model.setOptionValue("mip_abs_gap", 0.0)
    for _ in groups:
        model.addVar(0.0, float(MOST))
    everyone = np.arange(len(groups), dtype=np.int32)
    model.changeColsIntegrality(
        len(groups), everyone, np.full(len(groups), HighsVarType.kInteger, dtype=np.uint8)
    )
    for members, value in known.items():
        at = np.array([place[one] for one in sorted(members)], np.int32)
        model.addRow(float(value), float(value), len(at), at, np.ones(len(at)))
    return [
        (_extreme(model, place, one, sign=1), _extreme(model, place, one, sign=-1)) for one in asked
    ]


def _extreme(model: Highs, place: Mapping[str, int], asked: Groups, *, sign: int) -> float:
    costs = np.zeros(len(place))
    costs[[place[one] for one in asked]] = sign
    model.changeColsCost(len(place), np.arange(len(place), dtype=np.int32), costs)
    model.run()
    if model.getModelStatus() != HighsModelStatus.kOptimal:
        raise NoBounds
    return sign * float(round(model.getInfo().objective_function_value))
