import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.catalogue import REQUESTS
from contracts.requests import ReferralRequest
from contracts.vocabulary import codes
from services.referral.domain.lifecycle import OPEN, STEPS, WrongState, step

# The life cycle as the design draws it, written down a second time and in another form.
DRAWN = {
    ("offered", "receive"): "received",
    ("offered", "accept"): "accepted",
    ("offered", "decline"): "declined",
    ("received", "accept"): "accepted",
    ("received", "decline"): "declined",
    ("accepted", "start"): "started",
    ("started", "deliver"): "delivered",
    ("accepted", "fail"): "not_delivered",
    ("started", "fail"): "not_delivered",
}
STATES = codes("referral_state")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("request_", STEPS)
def test_each_request_in_each_state_leads_where_it_is_drawn_or_nowhere(
    state: str, request_: str
) -> None:
    if (state, request_) in DRAWN:
        assert step(state, request_) == DRAWN[state, request_]
        return
    with pytest.raises(WrongState) as wrong:
        step(state, request_)

    assert set(wrong.value.allowed) == {verb for before, verb in DRAWN if before == state}


def test_every_request_of_a_partner_is_a_step_and_every_state_is_a_shared_code() -> None:
    assert {f"referral.{verb}" for verb in STEPS} == {
        model.name for model in REQUESTS.values() if issubclass(model, ReferralRequest)
    }
    assert {after for _, after in STEPS.values()} | OPEN <= set(STATES)


def test_an_open_referral_is_one_that_can_still_move() -> None:
    assert {before for before, _ in DRAWN} == OPEN


class Referral(RuleBasedStateMachine):
    """Any requests in any order, as several clumsy programs of one organisation would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.state = "offered"
        self.history = ["offered"]

    @rule(request=st.sampled_from(list(STEPS)))
    def a_request_comes(self, request: str) -> None:
        try:
            self.state = step(self.state, request)
            self.history.append(self.state)
        except WrongState as wrong:
            self.allowed_would_work(wrong.allowed, request)

    def allowed_would_work(self, allowed: tuple[str, ...], refused: str) -> None:
        """What a refusal offers instead is possible, and the refused request is not among it."""
        assert refused not in allowed
        for request in allowed:
            step(self.state, request)

    @invariant()
    def no_state_comes_twice_and_none_comes_back(self) -> None:
        assert len(set(self.history)) == len(self.history)

    @invariant()
    def nothing_starts_that_was_not_accepted_and_nothing_is_both_accepted_and_declined(
        self,
    ) -> None:
        for before, after in (("accepted", "started"), ("started", "delivered")):
            if after in self.history:
                assert self.history.index(before) < self.history.index(after)
        assert not {"accepted", "declined"} <= set(self.history)
        assert not {"delivered", "not_delivered"} <= set(self.history)


Referral.TestCase.settings = settings(max_examples=200, stateful_step_count=12, deadline=None)
TestReferral = Referral.TestCase
