"""Cases, consent, referrals and places, with messages that come late, twice and in any order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chassis.inbox import Raw, Received
from contracts.envelope import Envelope
from contracts.intake import SOURCE, Consent
from contracts.policy import Reader, purpose_of, standing
from contracts.policy.consent import CONSENT
from tests.builders import NOON, a_case
from tests.machines.desk import BEDS, SHELTERS, Count, Desk
from tests.machines.model import ENDED, NEXT, Model, Word
from tests.machines.protections import Protections
from tests.machines.registry import Registry

OWNERS = ("POLICE_A", "SOCIAL_C", "GEND_D")
CASES = tuple(UUID(int=nth) for nth in range(1, 6))
STEPS = 50
VERBS = ("receive", "accept", "accept", "decline", "start", "deliver", "fail")
PURPOSE = purpose_of("shelter")
#: What a word says of whom it is about, and what the model makes of it.
Said = tuple[dict[str, str], tuple[str, bool]]
SCOPES: tuple[Said, ...] = (
    ({}, ("", False)),
    ({"recipient_kind": "shelter"}, ("shelter", False)),
    ({"recipient_kind": "shelter", "purpose": PURPOSE}, ("shelter", True)),
    ({"organisation": "SHELTER_1"}, ("SHELTER_1", False)),
    ({"purpose": PURPOSE}, ("", True)),
    ({"recipient_kind": "health"}, ("health", False)),
)
CASE, OWNER = st.sampled_from(CASES), st.sampled_from(OWNERS)
ANY, DAYS = st.integers(0, 63), st.sampled_from((-1, 0, 1))
RAW = Raw(subject="", headers={}, body=b"", stream="INTAKE", sequence=0, recorded_at=NOON)


class Interleaving(RuleBasedStateMachine):
    """Two sides, and between them all that was ever sent. taken_steps: grows by one each step."""

    def __init__(self, protected: Protections, taken_steps: Callable[[], object]) -> None:
        super().__init__()
        self.taken_steps, self.model = taken_steps, Model()
        self.registry, self.desk = Registry(protected), Desk(protected)
        self.ticks, self.intake_days, self.stream_days = 0, 0, 0
        self.sent: list[Received] = []
        self.missing: list[Received] = []
        self.requests: list[tuple[UUID, int, str]] = []
        self.counts: list[tuple[str, int, int]] = []
        self.desk.counts = {code: Count(BEDS, 0, 0) for code in SHELTERS}
        self._register()

    def _register(self) -> None:
        yes: dict[str, str] = {"recipient_kind": "shelter", "state": "given", "by": "person"}
        new = []
        for nth, case_id in enumerate(CASES):
            owner = OWNERS[nth % len(OWNERS)]
            self.model.own[case_id] = owner
            self.model.words[case_id] = [Word(True, "shelter", False)]
            event = a_case(owner=owner, age_band="25-34", consent=[yes])
            new.append((case_id, event, self.now(0)))
        self.registry.register(new)
        self._send()

    def now(self, days: int) -> datetime:
        """By a clock that is so many days off."""
        self.ticks += 1
        return NOON + timedelta(days=days, seconds=self.ticks)

    def _send(self) -> None:
        """What intake has said goes out, each with its number in its case."""
        for case_id, message in self.registry.said:
            subject, number = str(case_id), len(self.sent) + 1
            before = sum(one.envelope.subject == subject for one in self.sent)
            envelope = Envelope(
                id=UUID(int=number), source=SOURCE, type=message.ce_type(), subject=subject,
                case_sequence=before + 1,
            )  # fmt: skip
            raw = RAW._replace(sequence=number, recorded_at=self.now(self.stream_days))
            self.sent.append(Received(raw=raw, envelope=envelope, message=message))
            self.missing.append(self.sent[-1])
        self.registry.said.clear()

    @rule(intake=DAYS, stream=DAYS)
    def clocks_are_put(self, intake: int, stream: int) -> None:
        self.intake_days, self.stream_days = intake, stream

    @rule(case_id=CASE, to=OWNER)
    def an_owner_offers(self, case_id: UUID, to: str) -> None:
        self.registry.offer(case_id, to=to)

    @rule(nth=ANY, is_accepted=st.sampled_from((True, True, False)))
    def an_offer_ends(self, nth: int, is_accepted: bool) -> None:
        if not self.registry.offers:
            return
        nth = -1 - nth % len(self.registry.offers)
        offer = self.registry.offers[nth]
        if not is_accepted:
            self.registry.end(nth)
            return
        may = offer.is_open and self.model.root(offer.case_id) == offer.case_id
        may = may and self.model.owner(offer.case_id) == offer.from_owner
        assert self.registry.accept(nth) is may, "who accepts has been offered it by its owner"
        if may:
            self.model.own[offer.case_id] = offer.to_owner
        self._send()

    @rule(nth=st.integers(0, 9), by=OWNER, yes=st.sampled_from((True, True, True, False)))
    def somebody_decides_about_a_pair(self, nth: int, by: str, yes: bool) -> None:
        pair = self.registry.pairs[nth]
        before = pair.state
        if self.registry.decide(nth, by=by, yes=yes) == "merged" != before:
            cases = (pair.earlier, pair.later)
            assert all(pair.said.get(self.model.owner(one)) for one in cases), "both have said yes"
            first, later = sorted(map(self.model.root, cases), key=CASES.index)
            if first != later:
                self.model.under[later] = first
        self._send()

    @rule(nth=st.integers(0, 9), by=OWNER)
    def a_merge_is_undone(self, nth: int, by: str) -> None:
        link = self.registry.pairs[nth].link
        if self.registry.unmerge(nth, by=by):
            assert link is not None
            child, parent = link
            assert by in (self.model.owner(parent), self.model.own[child])
            assert self.model.under.pop(child) == parent
        self._send()

    @rule(case_id=CASE, is_yes=st.booleans(), scope=st.sampled_from(SCOPES))
    def the_person_says(self, case_id: UUID, is_yes: bool, scope: Said) -> None:
        state = "given" if is_yes else "refused"
        line = Consent.model_validate({**scope[0], "state": state, "by": "person"})
        for one in self.registry.consent(case_id, line, now=self.now(self.intake_days)):
            self.model.words[one].append(Word(is_yes, *scope[1]))
        self._send()

    @rule(picks=st.lists(ANY, min_size=1, max_size=8))
    def some_messages_come(self, picks: list[int]) -> None:
        """The newer ones mostly; among them such as have come before, and one twice."""
        self._deliver([self.sent[-1 - pick % len(self.sent)] for pick in picks])

    @rule(is_backwards=st.booleans(), at_once=st.integers(1, 9))
    def all_that_is_missing_comes(self, is_backwards: bool, at_once: int) -> None:
        missing = list(reversed(self.missing)) if is_backwards else list(self.missing)
        for start in range(0, len(missing), at_once):
            self._deliver(missing[start : start + at_once])
        self._both_sides_are_equal()

    def _deliver(self, batch: list[Received]) -> None:
        self.desk.take(batch)
        came = set(map(id, batch))
        self.missing = [one for one in self.missing if id(one) not in came]

    @rule(said=st.lists(st.tuples(ANY, st.sampled_from(VERBS)), min_size=1, max_size=4))
    def shelters_answer(self, said: list[tuple[int, str]]) -> None:
        for nth, verb in said if self.desk.stays else ():
            request = UUID(int=len(self.requests)), nth % len(self.desk.stays), verb
            self.requests.append(request)
            self._answer(*request, is_new=True)

    @rule(nth=ANY)
    def an_answer_comes_again(self, nth: int) -> None:
        if self.requests:
            self._answer(*self.requests[nth % len(self.requests)], is_new=False)

    def _answer(self, request_id: UUID, nth: int, verb: str, *, is_new: bool) -> None:
        before = self.desk.stays[nth].state
        expected = NEXT.get((before, verb)) if is_new else None
        after = self.desk.answer(request_id, nth, verb)
        is_full = (verb, after) == ("accept", "declined") and expected == "accepted"
        assert after == expected or is_full, "an answer has its effect once, where it may"

    @rule(code=st.sampled_from(SHELTERS))
    def a_shelter_counts(self, code: str) -> None:
        lie = sum((one.organisation, one.state) == (code, "started") for one in self.desk.stays)
        self.counts.append((code, BEDS - lie, self.desk.tick))

    @rule(nth=ANY)
    def a_count_comes(self, nth: int) -> None:
        if self.counts:
            code, free, at = self.counts[nth % len(self.counts)]
            self.desk.count(code, free=free, at=at)

    @invariant()
    def every_case_has_the_one_owner_that_it_was_given(self) -> None:
        self.taken_steps()
        for case_id, sheet in self.registry.cases.items():
            assert sheet.owner == self.model.owner(case_id), "one owner, and the right one"

    @invariant()
    def nobody_is_sent_where_no_bed_is(self) -> None:
        for code in SHELTERS:
            theirs = [one.state for one in self.desk.stays if one.organisation == code]
            assert theirs.count("accepted") + theirs.count("started") <= BEDS, "overbooked"

    @invariant()
    def a_person_is_asked_for_at_one_place_at_a_time(self) -> None:
        asked = [one.case_id for one in self.desk.stays if one.state not in ENDED]
        assert len(asked) == len(set(asked)), "asked for at two places at a time"

    def _both_sides_are_equal(self) -> None:
        now = NOON
        assert self.desk.cases.keys() == set(CASES), "nothing is lost"
        for case_id, sheet in self.registry.cases.items():
            file, known = sheet.file, self.desk.cases[case_id]
            assert known.owner == file.owner, "both know the same owner"
            words = [[line for _, line in one.decided] for one in (known, file)]
            assert words[0] == words[1], "both know the same words"
            for code in SHELTERS:
                expected = self.model.stands(case_id, code)
                grounds = standing(file.record, _reader(code), file.judged(now))
                assert (CONSENT in grounds) is expected, "intake follows the last word"
                there = self.desk.permits(case_id, code, at=now)
                assert there is expected, "referral follows the last word"
        for stay in self.desk.stays:
            may = stay.state in ENDED or self.model.stands(stay.case_id, stay.organisation)
            assert may, "nobody has a referral that she has said no to"

    def teardown(self) -> None:
        """However it went, in the end everything has come."""
        self.all_that_is_missing_comes(is_backwards=True, at_once=3)


def _reader(code: str) -> Reader:
    return Reader(
        kind="shelter", relation="recipient", purpose=PURPOSE, is_child=False,
        organisation=code, from_kind="social",
    )  # fmt: skip


def run(protected: Protections, *, examples: int, shrinks: bool = True) -> int:
    """Steps that were taken. Raises `AssertionError` at an invalid state."""
    steps = count()
    run_state_machine_as_test(
        lambda: Interleaving(protected, steps.__next__),  # type: ignore[arg-type]  # a factory will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    return next(steps)
