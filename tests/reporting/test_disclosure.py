"""Nobody who has all published tables can compute a number of few persons."""

import random
import sys
from itertools import product

import pytest

from services.reporting.domain import disclosure
from services.reporting.domain.disclosure import (
    PUBLIC_K,
    Cell,
    Groups,
    Unpublishable,
    exposed,
    hidden_cells,
    is_small,
)
from services.reporting.gateways.interval_solver import Bounding, NoBounds, bounds_of
from tests.ledger import Figure, Form
from tests.reporting.populations import a_population, cells_of, recovered
from tests.trust.faults import ran
from tests.trust.telling import say

pytestmark = pytest.mark.share("figures")
SEED = 20261128


def published(cells: list[Cell], hidden: frozenset[str]) -> dict[Groups, int]:
    return {cell.groups: cell.value for cell in cells if cell.name not in hidden}


def hide(cells: list[Cell], before: dict[Groups, int]) -> frozenset[str]:
    solve = Bounding(wide=PUBLIC_K)
    return hidden_cells(cells, k=PUBLIC_K, published=before, solve=solve)


def test_no_small_cell_of_a_random_population_is_recovered(form: Form, figure: Figure) -> None:
    broken = by_margins = shown = 0
    populations = form.pick(short=40, long=10_000)
    for nth in range(populations):
        persons = a_population(random.Random(SEED + nth))
        cells = cells_of(persons)
        known = published(cells, hide(cells, {}))
        shown += len(known)
        broken += recovered(persons, known, k=PUBLIC_K)
        primary = frozenset(cell.name for cell in cells if is_small(cell.value, PUBLIC_K))
        by_margins += recovered(persons, published(cells, primary), k=PUBLIC_K)

    say(f"seed {SEED}: {shown / populations:.1f} of 20 cells shown; control {by_margins}")
    assert shown > 5 * populations
    figure("figures.attack.recovered", broken, control=by_margins, seed=SEED)
    figure("figures.attack.control_recovered", by_margins, seed=SEED)


def needless(cells: list[Cell], hidden: frozenset[str]) -> list[Groups]:
    """What is hidden, is not small, and could be shown with all the rest as it is."""
    spare = {
        one.groups for one in cells if one.name in hidden and not is_small(one.value, PUBLIC_K)
    }
    fewer = {
        groups: [one.name for one in cells if one.name in hidden and one.groups != groups]
        for groups in spare
    }
    return [
        groups
        for groups, names in fewer.items()
        if not exposed(cells, names, k=PUBLIC_K, published={}, solve=bounds_of)
    ]


def test_nothing_is_hidden_that_could_be_shown(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    populations = [
        cells_of(a_population(random.Random(SEED + nth)))
        for nth in range(form.pick(short=40, long=1_000))
    ]

    assert [needless(cells, hide(cells, {})) for cells in populations] == [[]] * len(populations)
    # The control: one number after the other, and none of them shown again.
    monkeypatch.setattr(disclosure, "_shown_again", lambda hidden, *_, **__: hidden)
    assert any(needless(cells, hide(cells, {})) for cells in populations)


def test_what_is_hidden_elsewhere_protects_here_as_well() -> None:
    """Two wholes tell that few are in the one alone: with one of them hidden no division must be.

    Both are wanted, so that divisions are hidden first, and shown again when it was in vain.
    """
    persons = {"both a": 60, "both b": 50, "one a": 5, "one b": 4}
    cells = [
        Cell(name=name, groups=groups, value=sum(persons[one] for one in groups))
        for name, groups in {
            "more": frozenset(persons),
            "less": frozenset({"both a", "both b"}),
            "more a": frozenset({"both a", "one a"}),
            "more b": frozenset({"both b", "one b"}),
        }.items()
    ]
    wanted = ["more", "less"]

    def hidden(closed: list[str]) -> frozenset[str]:
        return hidden_cells(
            cells, k=PUBLIC_K, published={}, solve=bounds_of, wanted=wanted, closed=closed
        )

    assert hidden([]) == hidden(["less"]) == {"less"}
    assert hidden(["less", "more a"]) == {"less", "more a"}


def test_a_second_release_tells_nothing_that_the_first_hid() -> None:
    persons = {"girl 01": 40, "girl 02": 30, "boy 01": 3, "boy 02": 50}
    first = [Cell(name="all", groups=frozenset(persons), value=123)]
    before = published(first, hide(first, {}))
    # Harmless alone: a sum of many, and yet the rest of the whole are three boys.
    most = Cell(name="most", groups=frozenset(persons) - {"boy 01"}, value=120)

    assert hide([most], {}) == frozenset()
    assert hide([most], before) == {"most"}


def test_what_is_out_already_and_too_much_is_refused() -> None:
    boys = frozenset({"boy 01"})
    cell = Cell(name="boy 01", groups=boys, value=3)

    with pytest.raises(Unpublishable):
        hide([cell], {boys: 3})


def test_the_audit_names_what_somebody_could_compute() -> None:
    cells = [
        Cell(name="all", groups=frozenset("ab"), value=103),
        Cell(name="a", groups=frozenset("a"), value=100),
        Cell(name="b", groups=frozenset("b"), value=3),
    ]
    found = exposed(cells, {"b"}, k=PUBLIC_K, published={}, solve=bounds_of)

    assert found == [frozenset("b")]


def test_sums_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(NoBounds):
        bounds_of({frozenset("ab"): 3, frozenset("a"): 5}, [frozenset("b")])


def test_the_bounds_are_those_of_all_populations_that_fit() -> None:
    for nth in range(10):
        chance = random.Random(SEED + nth)
        persons = {one: chance.randint(0, 3) for one in "abcd"}
        sums = [frozenset(chance.sample("abcd", k=chance.randint(2, 4))) for _ in range(3)]
        # The whole is known, so that there is an end to the populations that fit.
        known = {one: sum(persons[each] for each in one) for one in (*sums, frozenset("abcd"))}
        most = known[frozenset("abcd")]
        fitting = [
            found
            for counts in product(range(most + 1), repeat=4)
            for found in [dict(zip("abcd", counts, strict=True))]
            if all(sum(found[each] for each in one) == value for one, value in known.items())
        ]
        expected = [
            (min(one[g] for one in fitting), max(one[g] for one in fitting)) for g in "abcd"
        ]

        assert bounds_of(known, [frozenset(one) for one in "abcd"]) == expected


def test_the_solver_says_nothing_among_the_answers_of_a_command() -> None:
    asking = (
        "from services.reporting.gateways.interval_solver import bounds_of\n"
        "print(bounds_of({frozenset({'a', 'b'}): 3}, [frozenset({'a'})]), flush=True)"
    )
    assert ran(sys.executable, "-c", asking) == "[(0.0, 3.0)]\n"
