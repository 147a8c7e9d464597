"""Random populations as tables, and an attacker who has only what was published."""

import random
from itertools import product

from services.reporting.domain.disclosure import Cell, Groups
from services.reporting.gateways.interval_solver import bounds_of

ROWS, COLUMNS = ("boy", "girl", "man", "woman"), ("01", "02", "09")


def a_population(chance: random.Random) -> dict[str, int]:
    """Persons by group × region; many are few."""
    return {
        f"{row} {column}": chance.choice((0, chance.randint(1, 10), chance.randint(11, 400)))
        for row, column in product(ROWS, COLUMNS)
    }


def cells_of(persons: dict[str, int], *, release: str = "") -> list[Cell]:
    """The table with its margins and its whole."""
    named: dict[str, Groups] = {f"{release}all": frozenset(persons)}
    for row in ROWS:
        named[f"{release}{row}"] = frozenset(one for one in persons if one.startswith(f"{row} "))
    for column in COLUMNS:
        named[f"{release}{column}"] = frozenset(
            one for one in persons if one.endswith(f" {column}")
        )
    named |= {f"{release}{one}": frozenset((one,)) for one in persons}
    return [
        Cell(name=name, groups=groups, value=sum(persons[one] for one in groups))
        for name, groups in named.items()
    ]


def recovered(persons: dict[str, int], known: dict[Groups, int], *, k: int) -> int:
    """How many small groups the attacker knows exactly, or to be fewer than k."""
    small = [frozenset((one,)) for one, value in persons.items() if 0 < value < k]
    return sum(least == most or 0 < least <= most < k for least, most in bounds_of(known, small))
