"""The audit of an edition beside one of many years: as exact as each question by itself, and quick."""

import random
import time
from itertools import product

import pytest

from services.reporting.domain.disclosure import PUBLIC_K, Bounds, Cell, Groups, hidden_cells
from services.reporting.gateways.interval_solver import Bounding, bounds_of
from tests.trust.telling import say

pytestmark = pytest.mark.share("figures")
SEED = 20261129
#: By region and year: offered, in time, accepted, delivered and confirmed, of one referral each.
STEPS = ("offered", "in time", "accepted", "delivered", "confirmed")
ROADS = ("0", "01", "02", "012", "023", "0123", "0234", "01234")
REGIONS = tuple(f"{number:02}" for number in range(30))


def said(bounds: Bounds) -> tuple[bool, bool]:
    """What an audit asks of them: are they wide; if not, is it a number of few."""
    least, most = bounds
    is_wide = most - least >= PUBLIC_K
    return is_wide, not is_wide and least < PUBLIC_K and most > 0


def a_puzzle(chance: random.Random) -> tuple[dict[Groups, int], list[Groups]]:
    """Sums of two or three of seven groups: among them rings, in which broken persons would fit."""
    persons = {one: chance.choice((0, 1, 2, 6, 13, 30)) for one in "abcdefg"}
    sums = {frozenset(chance.sample("abcdefg", k=chance.randint(2, 3))) for _ in range(9)}
    known = {one: sum(persons[each] for each in one) for one in sums}
    return known, [*map(frozenset, "abcdefg"), frozenset("ab"), frozenset("efg")]


def wrong(solve: Bounding, chance: random.Random) -> int:
    """In how many answers it is not what each question gives by itself.

    Sums are forgotten one after the other, and between them one is known again.
    """
    known, asked = a_puzzle(chance)
    whole, found = dict(known), 0
    while known:
        again = chance.choice(sorted(whole, key=sorted))
        for now in (known, known | {again: whole[again]}, known):
            both = zip(solve(now, asked), bounds_of(now, asked), strict=True)
            found += sum(said(one) != said(other) for one, other in both)
        del known[chance.choice(sorted(known, key=sorted))]
    return found


def wrong_answers(solve: Bounding, *, puzzles: int) -> int:
    """One solver is asked all puzzles: what it kept of one must not count in the next."""
    return sum(wrong(solve, random.Random(SEED + nth)) for nth in range(puzzles))


def test_what_was_found_while_other_sums_were_known_changes_no_answer() -> None:
    assert wrong_answers(Bounding(wide=PUBLIC_K), puzzles=40) == 0


def referrals(chance: random.Random) -> dict[str, int]:
    """Of this year and of nine before, by region and by how far each came."""
    return {
        f"{region} {road} {year}": often * chance.choice((0, 0, chance.randint(1, 6), chance.randint(3, 60)))
        for region, road, (year, often) in product(REGIONS, ROADS, (("then", 4), ("now", 1)))
    }  # fmt: skip


def table(persons: dict[str, int], *, years: tuple[str, ...]) -> list[Cell]:
    """Every step by region, and its whole."""
    named = {
        f"{'+'.join(years)} {step} {region}": frozenset(
            group
            for group, (place, road, year) in ((one, one.split()) for one in persons)
            if year in years and str(nth) in road and region in ("", place) and persons[group]
        )
        for (nth, step), region in product(enumerate(STEPS), ("", *REGIONS))
    }
    return [
        Cell(name=name, groups=groups, value=sum(persons[one] for one in groups))
        for name, groups in named.items()
    ]


def test_a_year_beside_its_decade_is_judged_within_seconds() -> None:
    """Of processor time. Each question by itself, after each number that is hidden, took 44 s."""
    persons = referrals(random.Random(1))
    decade, year = table(persons, years=("then", "now")), table(persons, years=("now",))
    begun = time.process_time()

    first = hidden_cells(decade, k=PUBLIC_K, published={}, solve=Bounding(wide=PUBLIC_K))
    out = {one.groups: one.value for one in decade if one.name not in first and one.groups}
    second = hidden_cells(year, k=PUBLIC_K, published=out, solve=Bounding(wide=PUBLIC_K))

    seconds = time.process_time() - begun
    say(f"{seconds:.1f} s; hidden {len(first)} of the decade, {len(second)} of the year")
    # More than a hundred before what turned out to be needless was shown again.
    assert 70 < len(second) < 100
    assert seconds < 10
