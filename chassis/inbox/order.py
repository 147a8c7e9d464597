"""Which messages may run now: a pure decision from positions, what is parked and what came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chassis.inbox.received import Received

Place = tuple[str, str]


@dataclass(slots=True)
class Plan:
    """run: in order, ready now; park: came before their predecessor; repeats: done before."""

    run: list[Received] = field(default_factory=list)
    park: list[Received] = field(default_factory=list)
    repeats: list[Received] = field(default_factory=list)
    unpark: list[tuple[Place, int]] = field(default_factory=list)
    positions: dict[Place, int] = field(default_factory=dict)


def plan(
    arrivals: Sequence[Received], *, last: Mapping[Place, int], parked: Iterable[Received]
) -> Plan:
    """Run each case's messages one after the other from its position on; never guess a gap.

    last: the case's position before this batch, for every place that occurs.
    parked: what waits in the table for those places.
    """
    result = Plan(positions=dict(last))
    waiting: dict[Place, dict[int, Received]] = {}
    in_table: dict[Place, set[int]] = {}
    for one in parked:
        waiting.setdefault(one.place, {})[_number(one)] = one
        in_table.setdefault(one.place, set()).add(_number(one))
    for place, held in waiting.items():
        for number in [n for n in held if n <= result.positions[place]]:
            del held[number]  # stepped over while it waited
    _run_on(result, waiting)
    for one in arrivals:
        number, position = _number(one), result.positions[one.place]
        if number <= position or number in waiting.get(one.place, {}):
            result.repeats.append(one)
            continue
        waiting.setdefault(one.place, {})[number] = one
        if number == position + 1:
            _run_on(result, {one.place: waiting[one.place]})
    for place, held in waiting.items():
        stored = in_table.get(place, set())
        result.park.extend(one for number, one in sorted(held.items()) if number not in stored)
        result.unpark.extend((place, number) for number in stored - held.keys())
    return result


def _run_on(result: Plan, waiting: Mapping[Place, dict[int, Received]]) -> None:
    for place, held in waiting.items():
        while (ready := held.pop(result.positions[place] + 1, None)) is not None:
            result.run.append(ready)
            result.positions[place] += 1


def _number(one: Received) -> int:
    return one.envelope.case_sequence or 0
