import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import EVENTS, FEED
from contracts.policy import (
    CHILD_BANDS,
    HEARINGS,
    MANDATORY,
    URGENCIES,
    VERSION,
    Profile,
    services_needed,
    who_hears,
)
from contracts.vocabulary import codes

needs = st.lists(st.sampled_from(codes("service")), max_size=6).map(tuple)
urgencies = st.sampled_from(URGENCIES)


def person(age_band: str) -> Profile:
    return Profile(
        sex="female",
        age_band=age_band,
        region="12",
        citizenship=("MLI",),
        exploitation=("domestic_work",),
    )


def test_the_policy_speaks_the_shared_codes_only() -> None:
    assert set(URGENCIES) == set(codes("urgency"))
    assert set(CHILD_BANDS) < set(codes("age_band"))
    assert {rule.service for rule in MANDATORY} <= set(codes("service"))
    assert VERSION


@given(st.sampled_from(sorted(CHILD_BANDS)), needs, urgencies)
def test_a_child_always_reaches_the_social_service_within_24_hours(
    age_band: str, needs: tuple[str, ...], urgency: str
) -> None:
    asked = dict(services_needed(person(age_band), needs, urgency))

    within = URGENCIES.index("emergency_24h")
    assert URGENCIES.index(asked["child_protection"]) <= within
    assert URGENCIES.index(asked["child_protection"]) <= URGENCIES.index(urgency)


@given(st.sampled_from(codes("age_band")), needs, urgencies)
def test_every_need_is_asked_for_once_and_nothing_else(
    age_band: str, needs: tuple[str, ...], urgency: str
) -> None:
    asked = services_needed(person(age_band), needs, urgency)

    required = {"child_protection"} if age_band in CHILD_BANDS else set()
    assert len(asked) == len(dict(asked))
    assert {service for service, _ in asked} == set(needs) | required
    assert all(u == urgency for service, u in asked if service not in required)


@given(st.sampled_from(["18-24", "25-34", "35-59", "60+", "unknown"]), urgencies)
def test_an_adult_without_needs_asks_nobody(age_band: str, urgency: str) -> None:
    assert services_needed(person(age_band), (), urgency) == []


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
