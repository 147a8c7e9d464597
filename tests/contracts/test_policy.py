import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import EVENTS, FEED
from contracts.policy import (
    CHILD_BANDS,
    HEARINGS,
    URGENCIES,
    VERSION,
    who_hears,
)
from contracts.vocabulary import codes


def test_the_policy_speaks_the_shared_codes_only() -> None:
    assert set(URGENCIES) == set(codes("urgency"))
    assert set(CHILD_BANDS) < set(codes("age_band"))
    assert VERSION


def test_an_offer_is_heard_by_its_recipient_alone() -> None:
    heard = who_hears("referral.offered", {"recipient": "SHELTER_B", "owner": "POLICE_A"})

    assert heard == [("SHELTER_B", "recipient")]


@pytest.mark.parametrize(
    "step", ["received", "accepted", "declined", "started", "delivered", "not_delivered"]
)
def test_a_step_is_heard_by_recipient_and_owner_each_once(step: str) -> None:
    relations = {"recipient": "SHELTER_B", "owner": "POLICE_A"}

    assert who_hears(f"referral.{step}", relations) == [  # type: ignore[arg-type]  # dict of literals
        ("SHELTER_B", "recipient"),
        ("POLICE_A", "owner"),
    ]


def test_an_owner_that_is_its_own_recipient_hears_once() -> None:
    assert who_hears("referral.accepted", {"recipient": "A1", "owner": "A1"}) == [
        ("A1", "recipient")
    ]


@given(st.text(max_size=30))
def test_an_event_without_a_rule_is_heard_by_nobody(name: str) -> None:
    known = {hearing.name for hearing in HEARINGS}

    if name not in known:
        assert who_hears(name, {"recipient": "SHELTER_B", "owner": "POLICE_A"}) == []


def test_every_rule_names_an_event_that_has_a_cut_for_partners() -> None:
    events = {model.name for model in EVENTS.values()}
    cuts = {model.name for model in FEED.values()}

    assert {hearing.name for hearing in HEARINGS} <= events & cuts
