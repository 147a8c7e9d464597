"""Who answers what and when, drawn at random; and, by hand, who must be told of it and at which hour.

Hours are counted from a case's registration. No code of the services is used: the numbers of design §7
stand here once more.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

HOURS = {"vital_1h": 1.0, "emergency_24h": 24.0, "urgent_72h": 72.0, "normal_14d": 336.0}
RUNGS = ("unit", "focal_point", "regional_focal_point", "committee")
OWNER = "POLICE_A"
#: No sum of these and of halves of a time for an answer falls on another.
EARLY, LATE, TOO_LATE, SOON = 0.2317, 0.7123, 1.0531, 0.3719
#: (waits for, rung) of a case.
Told = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What each organisation in rank makes of an offer: (verb, part of its time), or None for silence.

    chooses: after which part of a rung's time the owner decides, if it ever does. sees_to: the rung whose
    first post says that it looks after the matter, of the first organisation in rank.
    """

    number: int
    urgency: str
    is_high_risk: bool
    answers: tuple[tuple[str, float] | None, ...]
    chooses: float | None
    sees_to: str | None

    @property
    def limit(self) -> float:
        """Hours for an answer."""
        return HOURS[self.urgency]

    @property
    def pause(self) -> float:
        """Hours from one rung to the next, once it is overdue."""
        return min(self.limit / 2, 24.0)


@dataclass(slots=True)
class Course:
    """What must come of a plan. actions: (hour, what, which organisation) from outside."""

    told: Counter[Told] = field(default_factory=Counter)
    states: list[str] = field(default_factory=list)
    actions: list[tuple[float, str, int]] = field(default_factory=list)
    is_left: bool = False


def plans(count: int, organisations: int, *, seed: int) -> Iterator[Plan]:
    """A crowd in which every silence occurs. Prints nothing: the seed says all."""
    random = Random(seed)
    for number in range(count):
        yield Plan(
            number=number,
            urgency=random.choice(sorted(HOURS)),
            is_high_risk=random.random() < 0.2,
            answers=tuple(_answer(random) for _ in range(organisations)),
            chooses=SOON if random.random() < 0.5 else None,
            sees_to=random.choice(RUNGS) if random.random() < 0.15 else None,
        )


def _answer(random: Random) -> tuple[str, float] | None:
    if random.random() < 0.6:
        return None
    verb = random.choices(("accept", "decline", "receive"), weights=(3, 3, 2))[0]
    return verb, random.choice((EARLY, LATE, TOO_LATE))


def course(plan: Plan, organisations: Sequence[str]) -> Course:
    """By hand: who is asked when, who is told, and how it ends."""
    waits, found = _chain(plan, organisations)
    taken = next((one.end for one in waits if one.verb == "accept"), float("inf"))
    for one in waits:
        stop = min(one.stop, taken)
        if plan.sees_to is not None and one.is_first:
            called = one.calls[RUNGS.index(plan.sees_to)]
            if called < stop:
                seen = called + SOON * plan.pause / 10
                found.actions.append((seen, f"see to {plan.sees_to}", 0))
                stop = min(stop, seen)
        for rung, at in zip(RUNGS, one.calls, strict=True):
            if at < stop:
                found.told[plan.number, one.code, rung] += 1
    return found


@dataclass(frozen=True, slots=True)
class _Wait:
    """Something waits for somebody, from one hour to another. stop: when it is told of no more."""

    code: str
    calls: tuple[float, ...]
    end: float
    stop: float
    verb: str = ""
    is_first: bool = False


def _chain(plan: Plan, organisations: Sequence[str]) -> tuple[list[_Wait], Course]:
    """One offer after the other, and between them what the owner has to decide."""
    found, waits, hour = Course(), [], 0.0
    for nth, code in enumerate(organisations):
        one = _offer(plan, code, nth=nth, hour=hour)
        waits.append(one)
        found.states.append({"accept": "accepted", "decline": "declined"}.get(one.verb, "overdue"))
        if (answer := plan.answers[nth]) is not None:
            found.actions.append((hour + answer[1] * plan.limit, answer[0], nth))
        hour = one.end
        if one.verb == "accept":
            break
        is_last = nth == len(organisations) - 1
        if is_last or plan.is_high_risk:
            decided = None if is_last or plan.chooses is None else hour + plan.chooses * plan.pause
            calls = tuple(hour + n * plan.pause for n in range(4))
            waits.append(_Wait(OWNER, calls, hour, float("inf") if decided is None else decided))
            if decided is None:
                found.is_left = True
                break
            found.actions.append((decided, "choose", nth + 1))
            hour = decided
    return waits, found


def _offer(plan: Plan, code: str, *, nth: int, hour: float) -> _Wait:
    """Who answers in time is told no more; for who does not, the calls go on."""
    verb, part = plan.answers[nth] or ("", 1.0)
    is_over = verb in ("accept", "decline") and part < 1
    end = hour + plan.limit * (part if is_over else 1)
    late = hour + plan.limit
    calls = (hour + plan.limit / 2, late, late + plan.pause, late + 2 * plan.pause)
    return _Wait(
        code, calls, end, end if is_over else float("inf"), verb if is_over else "", nth == 0
    )
