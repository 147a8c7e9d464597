"""Requests, time and decisions in any order, on real tables: nobody waits longer than was promised."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.referral.use_cases.choosing import CannotBeAsked, NothingWaits
from tests.builders import an_organisation
from tests.ledger import Form
from tests.referral.days import Days, a_post, days_of
from tests.referral.offices import an_answer
from tests.servers import Database

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
SHELTERS = ("SHELTER_1", "SHELTER_2", "SHELTER_3")
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    *(an_organisation(code, "shelter", "shelter") for code in SHELTERS),
)
HOURS = {"vital_1h": 1.0, "emergency_24h": 24.0}
WAITING, OVER = ("offered", "received"), ("declined", "overdue")
#: (state, request) → state, as the design draws it.
ANSWERS = {
    ("offered", "receive"): "received",
    **{(state, "accept"): "accepted" for state in WAITING},
    **{(state, "decline"): "declined" for state in WAITING},
    ("accepted", "start"): "started",
    ("started", "deliver"): "delivered",
}


@dataclass(slots=True)
class Offer:
    """One, as the model has it: how it stands, since when, and whether somebody was reminded."""

    state: str
    since: float
    is_reminded: bool = False


@dataclass(slots=True)
class Case:
    """The model: offers in rank; waits: for whom a service waits that nobody is asked for."""

    limit: float
    is_high_risk: bool
    offers: list[Offer] = field(default_factory=list)
    waits: str | None = None

    def ask(self, now: float) -> None:
        """The next, if there is one."""
        if len(self.offers) == len(SHELTERS):
            self.waits = "none_left"
        elif self.is_high_risk and self.offers:
            self.waits = "high_risk"
        else:
            self.offers.append(Offer("offered", now))

    def pass_to(self, now: float) -> None:
        """It is later."""
        while (last := self.offers[-1]).state in WAITING and now >= last.since + self.limit / 2:
            if now < last.since + self.limit:
                last.is_reminded = True
                return
            last.state = "overdue"
            self.ask(now)
            if self.waits:
                return


class Waiting(RuleBasedStateMachine):
    """One case after the other is registered by any number of examples; time only goes on."""

    def __init__(self, days: Days, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        super().__init__()
        self.days, self.run = days, run
        self.now = 0.0
        self.case: Case
        self.id: UUID

    @initialize(urgency=st.sampled_from(sorted(HOURS)), is_high_risk=st.booleans())
    def a_case_is_registered(self, urgency: str, is_high_risk: bool) -> None:
        self.case = Case(HOURS[urgency], is_high_risk)
        # Or whoever was silent in the examples before would be asked later than the model thinks.
        self.run(self.days.clock.run("delete from referral.answers"))
        facts = {
            "age_band": "25-34",
            "urgency": urgency,
            "risk": "high" if is_high_risk else "medium",
        }
        (self.id,) = self.run(self.days.office.offer(facts))
        self.case.ask(self.now)

    @rule(verb=st.sampled_from(("receive", "accept", "decline", "start", "deliver")),
          nth=st.integers(0, len(SHELTERS) - 1))  # fmt: skip
    def an_organisation_says_something(self, verb: str, nth: int) -> None:
        rows = self.rows(f"""
            select referral_id from referrals
            where case_id = '{self.id}' and organisation = '{SHELTERS[nth]}'
        """)
        if not rows:
            return
        offer = self.case.offers[nth]
        after = ANSWERS.get((offer.state, verb))
        (answered,) = self.run(self.days.office.answer(an_answer(SHELTERS[nth], rows[0][0], verb)))
        assert answered.refused == (None if after else "wrong_state")
        if after:
            offer.state = after
        if after == "declined":
            self.case.ask(self.now)

    @rule(parts=st.sampled_from((0.1, 0.26, 0.5, 0.51, 1.0, 3.0)), processes=st.integers(1, 3))
    def time_passes(self, parts: float, processes: int) -> None:
        self.now += parts * self.case.limit
        self.run(self._pass(timedelta(hours=parts * self.case.limit), processes))
        self.case.pass_to(self.now)

    async def _pass(self, time: timedelta, processes: int) -> None:
        await self.days.clock.go_on(time)
        keepers = [self.days.office.timekeeper() for _ in range(processes)]
        while any(await asyncio.gather(*(one.once() for one in keepers))):
            pass

    @precondition(lambda self: self.case.waits is not None)
    @rule(nth=st.integers(0, len(SHELTERS) - 1))
    def its_owner_decides(self, nth: int) -> None:
        ((unplaced,),) = self.rows(f"select unplaced_id from unplaced where case_id = '{self.id}'")
        if nth < len(self.case.offers):
            with pytest.raises(CannotBeAsked):
                self.choose(unplaced, SHELTERS[nth])
            return
        best = SHELTERS[len(self.case.offers)]
        self.choose(unplaced, best)
        self.case.waits = None
        self.case.offers.append(Offer("offered", self.now))
        with pytest.raises(NothingWaits):
            self.choose(unplaced, best)

    def choose(self, unplaced: UUID, organisation: str) -> None:
        """The owner says whom to ask."""
        self.run(self.days.office.decide(unplaced, organisation, owner="POLICE_A"))

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        states = self.rows(f"select state from referrals where case_id = '{self.id}' order by rank")
        waits = self.rows(f"select reason from unplaced where case_id = '{self.id}'")
        assert [row[0] for row in states] == [one.state for one in self.case.offers]
        assert waits == ([(self.case.waits,)] if self.case.waits else [])

    @invariant()
    def somebody_has_her_or_is_asked_in_time_or_a_person_has_to_decide(self) -> None:
        ((asked, taken, left),) = self.rows(f"""
            select count(*) filter (where state in ('offered', 'received')),
                   count(*) filter (where state in ('accepted', 'started', 'delivered')),
                   (select count(*) from unplaced where case_id = '{self.id}')
            from referrals where case_id = '{self.id}'
        """)
        assert asked + taken + left == 1
        late = self.rows(f"""
            select 1 from referrals left join timers on matter_id = referral_id
            where case_id = '{self.id}' and state in ('offered', 'received')
              and (matter_id is null or due_at <= clock_timestamp())
        """)
        assert late == [], "who is asked has a timer ahead"

    @invariant()
    def whatever_is_said_is_said_once(self) -> None:
        said = self.rows(f"""
            select name, count(*) from outbox where case_id = '{self.id}' and stream = 'REFERRAL'
            and name in ('referral.reminded', 'referral.overdue', 'referral.offered') group by name
        """)
        offers = self.case.offers
        expected = {
            "referral.offered": len(offers),
            "referral.reminded": sum(one.is_reminded for one in offers),
            "referral.overdue": sum(one.state == "overdue" for one in offers),
        }
        assert dict(said) == {name: count for name, count in expected.items() if count}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the tables hold."""
        found: list[tuple[Any, ...]] = self.run(self.days.office.rows(query))
        return found


def test_in_any_order_somebody_is_asked_has_accepted_or_has_to_decide(
    fresh_database: Database, form: Form
) -> None:
    with asyncio.Runner() as runner:
        opened = days_of(fresh_database, DIRECTORY, at_once=6)
        days = runner.run(opened.__aenter__())
        try:
            runner.run(days.set_contacts("POLICE_A", a_post("unit", "+22370000000")))
            run_state_machine_as_test(
                lambda: Waiting(days, runner.run),  # type: ignore[arg-type]  # a factory will do
                settings=settings(
                    max_examples=form.pick(short=12, long=500),
                    stateful_step_count=form.pick(short=12, long=30),
                    derandomize=form.name == "short",
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
