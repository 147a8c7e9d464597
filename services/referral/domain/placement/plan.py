"""What was chosen, and why: each placement and each person without one, in codes and their data."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from services.referral.domain.placement.group import Ask, Group, House
from services.referral.domain.placement.program import Option, Program, Solution
from services.referral.domain.placement.rules import (
    Rule,
    cost,
    distance,
    hindrances,
    is_open,
    speaks,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearer:
    """A place that would have been better for them, and the rule it cost: `places` or `apart`.

    rule: None when the search had to stop before it was sure, and nothing else speaks against it.
    """

    organisation: str
    rule: Rule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where one person goes for one service.

    distance: 0 same cercle to 3 national (`rules.distance`). open_to: how many organisations were
    open to her. better: those of them that were nearer or had her language. with_family: how many
    go together. is_pinned: a human chose it. family: whose she is, also where it goes apart.
    """

    member: str
    service: str
    organisation: str
    distance: int
    has_language: bool
    open_to: int
    better: tuple[Nearer, ...]
    with_family: int
    is_pinned: bool
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """Why one person has no place for one service.

    binding: the fewest rules that, were they not there, would open a place; without `places` and
    `apart`, more room would not help. would_open: the organisations they keep her from.
    """

    member: str
    service: str
    urgency: str
    binding: tuple[Rule, ...]
    would_open: tuple[str, ...]
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A proposal: nothing is sent until a human has seen it. `gap`: as the solver proves it."""

    placed: tuple[Placed, ...]
    unplaced: tuple[Unplaced, ...]
    gap: float


def explain(group: Group, solved: Iterable[tuple[Program, Solution]]) -> Plan:
    """The plan that the solutions mean, sorted by member and service."""
    placed: list[Placed] = []
    unplaced: list[Unplaced] = []
    gap = 0.0
    for program, solution in solved:
        reader = _Reader(group, program, solution)
        gap = max(gap, solution.gap)
        for at, ask in enumerate(program.asks):
            option = reader.option_of.get(at)
            if option is None:
                unplaced += reader.unplaced(ask)
            else:
                placed += reader.placed(ask, option)
    return Plan(
        placed=tuple(sorted(placed, key=lambda one: (one.member, one.service))),
        unplaced=tuple(sorted(unplaced, key=lambda one: (one.member, one.service))),
        gap=gap,
    )


class _Reader:
    """Reads one solution against the group; what rooms are left with decides what was in the way."""

    def __init__(self, group: Group, program: Program, solution: Solution):
        chosen = [program.options[at] for at in solution.chosen]
        self._wishes = group.wishes
        self._houses = {
            house.code: house for house in sorted(group.houses, key=lambda house: house.code)
        }
        self.option_of = {option.ask: option for option in chosen}
        self._rooms = program.rooms
        self._room_of = {room.organisation: at for at, room in enumerate(self._rooms)}
        self._taken: Counter[int] = Counter()
        self._kinds: Mapping[int, set[bool]] = defaultdict(set)
        for option in chosen:
            self._taken[option.room] += option.size
            self._kinds[option.room].add(option.is_apart)

    def placed(self, ask: Ask, option: Option) -> Iterator[Placed]:
        room = self._rooms[option.room]
        house = self._houses[room.organisation]
        opened = [one for one in self._houses.values() if is_open(ask, one, self._wishes)]
        better = [one for one in opened if cost(ask, one) < option.cost]
        why = tuple(
            Nearer(organisation=one.code, rule=self._in_the_way(ask, one)) for one in better
        )
        for member in ask.members:
            yield Placed(
                member=member.key,
                service=ask.service,
                organisation=house.code,
                distance=distance(member, house),
                has_language=speaks(member, house),
                open_to=len(opened),
                better=why,
                with_family=ask.size,
                is_pinned=option.is_pinned,
                family=member.family,
            )

    def unplaced(self, ask: Ask) -> Iterator[Unplaced]:
        binding, would_open = self._binding(ask)
        for member in ask.members:
            yield Unplaced(
                member=member.key,
                service=ask.service,
                urgency=member.urgency,
                binding=tuple(sorted(binding, key=list(Rule).index)),
                would_open=would_open,
                family=member.family,
            )

    def _binding(self, ask: Ask) -> tuple[frozenset[Rule], tuple[str, ...]]:
        parted = self._parted(ask) if ask.size > 1 else None
        if parted is not None:
            return frozenset({Rule.FAMILY}), parted
        between = {house.code: self._all(ask, house) for house in self._houses.values()}
        often = Counter(between.values())
        fewest = min(
            often,
            key=lambda rules: (len(rules), -often[rules], sorted(rules)),
            default=frozenset({Rule.SERVICE}),
        )
        return fewest, tuple(sorted(code for code, rules in between.items() if rules == fewest))

    def _parted(self, ask: Ask) -> tuple[str, ...] | None:
        """Where its members would go one by one, in the room that is left; None if that is not all."""
        taken: Counter[str] = Counter()
        alone = [replace(ask, members=(one,)) for one in ask.members]
        for free in sorted(map(self._free, alone), key=len):
            code = next((code for code in free if self._left(code) > taken[code]), None)
            if code is None:
                return None
            taken[code] += 1
        return tuple(sorted(taken))

    def _all(self, ask: Ask, house: House) -> frozenset[Rule]:
        broken = hindrances(ask, house, self._wishes)
        rule = self._in_the_way(ask, house)
        return broken if rule is None or Rule.SERVICE in broken else broken | {rule}

    def _free(self, ask: Ask) -> list[str]:
        return [house.code for house in self._houses.values() if not self._all(ask, house)]

    def _left(self, code: str) -> int:
        at = self._room_of[code]
        return self._rooms[at].left - self._taken[at]

    def _in_the_way(self, ask: Ask, house: House) -> Rule | None:
        """What the rest of the solution takes from them there."""
        at = self._room_of.get(house.code)
        if at is None:
            return None
        if ask.size > self._left(house.code):
            return Rule.PLACES
        is_mixed = not self._rooms[at].is_shared and (not ask.is_apart) in self._kinds[at]
        return Rule.APART if is_mixed else None
