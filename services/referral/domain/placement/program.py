"""The group as assignment problems, one a service: options to choose among, and rooms they fill."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.referral.domain.placement.group import (
    RESIDENTIAL,
    Ask,
    Group,
    asks_of,
)
from services.referral.domain.placement.rules import Rule, WishRefused, cost, hindrances, is_open
from services.referral.domain.routing import URGENCIES

# What a place is worth, in the unit of `rules.cost`: whoever is placed, and more if it is urgent. A
# person's cost is at most 43 with the spread of load, so that her distance never leaves another
# without a place; ten of one urgency weigh as much as one of the next, a hundred as one place.
PLACED = 100_000
URGENT = dict(zip(URGENCIES, (10_000, 1_000, 100, 0), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The places that one organisation has left.

    is_shared: whether those set apart and the others may be in it together.
    """

    organisation: str
    left: int
    is_shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One ask (by its place in the list) in one room, where no rule between the two forbids it.

    worth: of placing them at all. cost: distance and language, to be small. is_pinned: a human has
    chosen it.
    """

    ask: int
    room: int
    size: int
    worth: int
    cost: int
    is_apart: bool
    is_pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Choose at most one option of each ask so that no room overflows.

    First who is placed: the most worth. Then where: of those, the least cost, with the load spread
    evenly among what costs the same.
    """

    service: str
    asks: tuple[Ask, ...]
    rooms: tuple[Room, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The options chosen; `gap` is how far, at most, from the best that the solver knows possible.

    It is the larger of that of who is placed and that of where, as a share (0.01: 1 %).
    """

    chosen: tuple[int, ...]
    gap: float


class NoPlan(Exception):
    """The solver failed: placing nobody but the pinned is always allowed, so that there is a plan."""


def programs_of(group: Group) -> tuple[Program, ...]:
    """A program for each service, with every option that no rule forbids. Raises `WishRefused`."""
    asks: Mapping[str, list[Ask]] = defaultdict(list)
    for ask in asks_of(group):
        asks[ask.service].append(ask)
    _refuse_unknown(group, asks)
    return tuple(_program(group, service, asks[service]) for service in sorted(asks))


def filled(program: Program, solution: Solution) -> Solution:
    """The same, as far as it fits, and whoever it left out where a place is free.

    A search that had to stop may have left both to be done. The most worth first, each where it
    costs least.
    """
    left = {at: room.left for at, room in enumerate(program.rooms)}
    kinds: dict[int, bool] = {}
    chosen: dict[int, int] = {}
    first = frozenset(solution.chosen)
    for number in sorted(
        range(len(program.options)),
        key=lambda at: (at not in first, -program.options[at].worth, program.options[at].cost),
    ):
        option = program.options[number]
        is_shared = program.rooms[option.room].is_shared
        is_mixed = kinds.get(option.room, option.is_apart) != option.is_apart and not is_shared
        if option.ask in chosen or option.size > left[option.room] or is_mixed:
            continue
        chosen[option.ask] = number
        left[option.room] -= option.size
        kinds[option.room] = option.is_apart
    return replace(solution, chosen=tuple(sorted(chosen.values())))


def _program(group: Group, service: str, asks: Sequence[Ask]) -> Program:
    rooms = tuple(
        Room(
            organisation=house.code,
            left=house.offers[service].left,
            is_shared=service not in RESIDENTIAL,
        )
        for house in sorted(group.houses, key=lambda house: house.code)
        if service in house.offers
    )
    options = tuple(_options(group, asks, rooms))
    program = Program(service=service, asks=tuple(asks), rooms=rooms, options=options)
    _refuse_overfull(program)
    return program


def _options(group: Group, asks: Sequence[Ask], rooms: Sequence[Room]) -> Iterator[Option]:
    houses = {house.code: house for house in group.houses}
    for number, ask in enumerate(asks):
        pin = _pin(group, ask)
        for at, room in enumerate(rooms):
            house = houses[room.organisation]
            is_possible = ask.size <= room.left and is_open(ask, house, group.wishes)
            if pin is not None and pin[1] == house.code and not is_possible:
                raise WishRefused(*pin, rule=_named(hindrances(ask, house, group.wishes)))
            if is_possible:
                yield Option(
                    ask=number,
                    room=at,
                    size=ask.size,
                    worth=sum(PLACED + URGENT[one.urgency] for one in ask.members),
                    cost=cost(ask, house),
                    is_apart=ask.is_apart,
                    is_pinned=pin is not None,
                )


def _pin(group: Group, ask: Ask) -> tuple[tuple[str, str], str] | None:
    """The first pin of those who go together: (member, service) and where."""
    pins = (((one.key, ask.service), group.wishes.pinned) for one in ask.members)
    return next(((pin, pinned[pin]) for pin, pinned in pins if pin in pinned), None)


def _named(broken: frozenset[Rule]) -> Rule:
    """The rule to name; a family pinned to two places breaks the family, not the pin."""
    first = min(broken, key=list(Rule).index, default=Rule.PLACES)
    return Rule.FAMILY if first is Rule.PINNED else first


def _refuse_unknown(group: Group, asks: Mapping[str, list[Ask]]) -> None:
    asked = {
        (one.key, service) for service, some in asks.items() for ask in some for one in ask.members
    }
    offered = {(house.code, service) for house in group.houses for service in house.offers}
    for pin, organisation in group.wishes.pinned.items():
        if pin not in asked or (organisation, pin[1]) not in offered:
            raise WishRefused(pin, organisation, rule=None)


def _refuse_overfull(program: Program) -> None:
    """Pins that do not fit beside one another can be kept by no solution."""
    pinned: Mapping[int, list[Option]] = defaultdict(list)
    for option in program.options:
        if option.is_pinned:
            pinned[option.room].append(option)
    for at, together in pinned.items():
        room = program.rooms[at]
        is_mixed = len({option.is_apart for option in together}) > 1 and not room.is_shared
        if is_mixed or sum(option.size for option in together) > room.left:
            last = program.asks[together[-1].ask].members[0]
            rule = Rule.APART if is_mixed else Rule.PLACES
            raise WishRefused((last.key, program.service), room.organisation, rule=rule)
