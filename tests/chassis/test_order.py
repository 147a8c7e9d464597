from collections import defaultdict
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chassis.inbox.order import Place, Plan, plan
from chassis.inbox.received import Received
from tests.builders import received

PLACES = [str(UUID(int=n)) for n in (1, 2, 3)]
MADE: dict[tuple[str, int], Received] = {}


def message(case_id: str, number: int) -> Received:
    """The same message each time it comes, as JetStream would bring it."""
    if (case_id, number) not in MADE:
        MADE[case_id, number] = received(number, case_id=case_id)
    return MADE[case_id, number]


def numbers(messages: list[Received]) -> list[int]:
    return [one.envelope.case_sequence or 0 for one in messages]


def one_case(arrivals: list[int], *, last: int = 0, parked: tuple[int, ...] = ()) -> Plan:
    return plan(
        [message(PLACES[0], number) for number in arrivals],
        last={message(PLACES[0], 1).place: last},
        parked=[message(PLACES[0], number) for number in parked],
    )


@pytest.mark.parametrize(
    ("arrivals", "last", "parked", "run", "park", "repeats"),
    [
        ([1, 2, 3], 0, (), [1, 2, 3], [], []),
        ([3, 2, 1], 0, (), [1, 2, 3], [], []),
        ([2], 0, (), [], [2], []),
        ([1], 0, (2, 3), [1, 2, 3], [], []),
        ([1], 1, (), [], [], [1]),
        ([2, 2], 1, (), [2], [], [2]),
        ([3, 3], 1, (), [], [3], [3]),
        ([3], 1, (3,), [], [], [3]),
        ([5, 2, 3], 1, (7,), [2, 3], [5], []),
        ([], 1, (2, 3), [2, 3], [], []),
    ],
)
def test_a_batch_of_one_case_is_run_parked_or_known(
    arrivals: list[int],
    last: int,
    parked: tuple[int, ...],
    run: list[int],
    park: list[int],
    repeats: list[int],
) -> None:
    decided = one_case(arrivals, last=last, parked=parked)

    assert numbers(decided.run) == run
    assert numbers(decided.park) == park
    assert numbers(decided.repeats) == repeats
    assert decided.positions == {message(PLACES[0], 1).place: last + len(run)}


def test_what_runs_from_the_table_is_taken_off_it_and_what_waits_stays() -> None:
    decided = one_case([1], parked=(2, 3, 5))

    assert sorted(number for _, number in decided.unpark) == [2, 3]
    assert decided.park == []


def test_what_is_parked_and_already_behind_the_position_is_taken_off_the_table() -> None:
    # A discarded message may have been parked itself before it was found to be bad.
    decided = one_case([], last=4, parked=(3, 4, 6))

    assert sorted(number for _, number in decided.unpark) == [3, 4]
    assert decided.run == []


class Naive:
    """What the inbox must do, said as simply as can be: one message at a time, per case."""

    def __init__(self) -> None:
        self.last: dict[Place, int] = defaultdict(int)
        self.waiting: dict[Place, set[int]] = defaultdict(set)
        self.ran: list[tuple[Place, int]] = []

    def take(self, place: Place, number: int) -> None:
        if number > self.last[place]:
            self.waiting[place].add(number)
        while self.last[place] + 1 in self.waiting[place]:
            self.last[place] += 1
            self.waiting[place].remove(self.last[place])
            self.ran.append((place, self.last[place]))


class Inbox(RuleBasedStateMachine):
    """Batches of any messages in any order, repeats and gaps included, against the naive one."""

    def __init__(self) -> None:
        super().__init__()
        self.naive = Naive()
        self.positions: dict[Place, int] = {}
        self.table: dict[tuple[Place, int], Received] = {}
        self.ran: list[tuple[Place, int]] = []

    def take(self, arrivals: list[Received]) -> Plan:
        """What the consumer does with a plan, with dictionaries for tables."""
        places = {one.place for one in arrivals}
        decided = plan(
            arrivals,
            last={place: self.positions.get(place, 0) for place in places},
            parked=[one for (place, _), one in self.table.items() if place in places],
        )
        self.ran += [(one.place, one.envelope.case_sequence or 0) for one in decided.run]
        for key in decided.unpark:
            del self.table[key]
        for one in decided.park:
            key = (one.place, one.envelope.case_sequence or 0)
            assert key not in self.table
            self.table[key] = one
        self.positions |= decided.positions
        return decided

    @rule(arrivals=st.lists(st.tuples(st.sampled_from(PLACES), st.integers(1, 8)), max_size=12))
    def a_batch_comes(self, arrivals: list[tuple[str, int]]) -> None:
        messages = [message(case_id, number) for case_id, number in arrivals]
        decided = self.take(messages)
        for one in messages:
            self.naive.take(one.place, one.envelope.case_sequence or 0)
        accounted = len(decided.repeats) + len(decided.park) + len(decided.run)
        assert accounted == len(messages) + len(decided.unpark)

    @precondition(lambda self: self.ran)
    @rule(at=st.integers(0, 1000))
    def an_old_one_comes_again(self, at: int) -> None:
        (_, case_id), number = self.ran[at % len(self.ran)]
        decided = self.take([message(case_id, number)])
        assert not decided.run
        assert not decided.park

    @invariant()
    def every_message_ran_once_and_after_its_predecessor(self) -> None:
        by_place: dict[Place, list[int]] = defaultdict(list)
        for place, number in self.ran:
            by_place[place].append(number)
        for ran in by_place.values():
            assert ran == list(range(1, len(ran) + 1))

    @invariant()
    def the_naive_inbox_ran_the_same_and_holds_the_same(self) -> None:
        assert sorted(self.ran) == sorted(self.naive.ran)
        held = {(place, n) for place, ns in self.naive.waiting.items() for n in ns}
        assert set(self.table) == held


Inbox.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestInbox = Inbox.TestCase


@given(st.permutations([(case_id, n) for case_id in PLACES for n in range(1, 7)]), st.data())
@settings(max_examples=150, deadline=None)
def test_however_a_stream_is_cut_and_mixed_all_of_it_runs_in_order(
    order: list[tuple[str, int]], data: st.DataObject
) -> None:
    inbox = Inbox()
    while order:
        size = data.draw(st.integers(1, len(order)))
        inbox.take([message(*one) for one in order[:size]])
        order = order[size:]

    assert sorted(inbox.ran) == sorted(
        (message(c, 1).place, n) for c in PLACES for n in range(1, 7)
    )
    inbox.every_message_ran_once_and_after_its_predecessor()
    assert not inbox.table


def test_two_cases_in_one_batch_do_not_wait_for_each_other() -> None:
    early, good = message(PLACES[0], 2), message(PLACES[1], 1)

    decided = plan([early, good], last={early.place: 0, good.place: 0}, parked=[])

    assert decided.run == [good]
    assert decided.park == [early]


def test_one_subject_of_two_sources_is_two_places() -> None:
    ours = message(PLACES[0], 1)
    theirs = replace(ours, envelope=ours.envelope._replace(source="/siraba/referral"))

    decided = plan([ours, theirs], last={ours.place: 0, theirs.place: 0}, parked=[])

    assert decided.run == [ours, theirs]
