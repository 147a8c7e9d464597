"""A solver that keeps what it found although other things are known gives wrong answers, and it is seen."""

from collections.abc import Mapping, Sequence

import pytest

from services.reporting.domain.disclosure import PUBLIC_K, Bounds, Groups
from services.reporting.gateways.interval_solver import Bounding
from tests.reporting.test_bounding import wrong_answers

pytestmark = pytest.mark.share("figures")


class Stubborn(Bounding):
    """Takes every question for the last one."""

    def __call__(self, known: Mapping[Groups, int], asked: Sequence[Groups]) -> list[Bounds]:
        self._known = dict(known)
        return super().__call__(known, asked)


def test_what_was_found_of_other_populations_makes_wrong_answers() -> None:
    assert wrong_answers(Stubborn(wide=PUBLIC_K), puzzles=5) > 0
