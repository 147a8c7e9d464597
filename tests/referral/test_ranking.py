from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import codes
from services.referral.domain.ranking import EVERYWHERE, Candidate, Limits, Person, ages_of, rank

REGIONS = ("01", "12", "00")
KINDS = ("shelter", "health", "social")
SERVICES = ("shelter", "health")

limits = st.builds(
    Limits,
    sexes=st.frozensets(st.sampled_from(("female", "male")), max_size=2),
    age_min=st.none() | st.integers(0, 60),
    age_max=st.none() | st.integers(0, 60),
)
candidates = st.builds(
    Candidate,
    code=st.sampled_from([f"ORG_{n}" for n in range(12)]),
    kind=st.sampled_from(KINDS),
    region=st.sampled_from(REGIONS),
    zones=st.frozensets(st.sampled_from((*REGIONS, EVERYWHERE)), max_size=3),
    services=st.dictionaries(st.sampled_from(SERVICES), limits, max_size=2),
)
directories = st.lists(candidates, max_size=12, unique_by=lambda one: one.code)
consents = st.frozensets(st.sampled_from(KINDS), max_size=3)
persons = st.builds(
    Person,
    sex=st.sampled_from(codes("sex")),
    age_band=st.sampled_from(codes("age_band")),
    region=st.sampled_from(REGIONS),
)
AGES = {
    "0-4": (0, 4),
    "5-8": (5, 8),
    "9-11": (9, 11),
    "12-14": (12, 14),
    "15-17": (15, 17),
    "18-24": (18, 24),
    "25-34": (25, 34),
    "35-59": (35, 59),
    "60+": (60, 120),
}


def anybody(_: Candidate) -> bool:
    return True


def nobody(_: Candidate) -> bool:
    return False


def may_be_asked(one: Candidate, service: str, person: Person) -> bool:
    """The rules said again, one year and one condition at a time."""
    if service not in one.services:
        return False
    if not ({EVERYWHERE, person.region} & one.zones):
        return False
    given = one.services[service]
    if given.sexes and person.sex not in given.sexes:
        return False
    if given.age_min is None and given.age_max is None:
        return True
    if person.age_band == "unknown":
        return False
    low, high = AGES[person.age_band]
    at_least = 0 if given.age_min is None else given.age_min
    at_most = 999 if given.age_max is None else given.age_max
    return all(at_least <= age <= at_most for age in range(low, high + 1))


def nearness(one: Candidate, person: Person) -> int:
    if one.region == person.region:
        return 0
    return 2 if EVERYWHERE in one.zones else 1


@given(directories, persons, st.sampled_from(SERVICES), st.data())
def test_ranking_is_what_going_through_the_directory_by_hand_gives(
    directory: list[Candidate], person: Person, service: str, data: st.DataObject
) -> None:
    asked = data.draw(st.sets(st.sampled_from([f"ORG_{n}" for n in range(12)]), max_size=4))
    told = data.draw(consents)

    ranked = rank(
        directory,
        service=service,
        person=person,
        asked=asked,
        may_be_told=lambda one: one.kind in told,
    )

    by_hand = [
        one
        for one in directory
        if one.code not in asked and one.kind in told and may_be_asked(one, service, person)
    ]
    assert sorted(one.code for one in ranked) == sorted(one.code for one in by_hand)
    order = [(nearness(one, person), one.code) for one in ranked]
    assert order == sorted(order)


@given(directories, persons, st.sampled_from(SERVICES), st.randoms())
def test_the_order_of_the_directory_makes_no_difference(
    directory: list[Candidate], person: Person, service: str, chance: Random
) -> None:
    shuffled = list(directory)
    chance.shuffle(shuffled)

    in_order, mixed = (
        rank(given, service=service, person=person, asked=(), may_be_told=anybody)
        for given in (directory, shuffled)
    )
    assert in_order == mixed


@given(directories, persons, st.sampled_from(SERVICES))
def test_asking_one_after_the_other_reaches_each_once_and_ends(
    directory: list[Candidate], person: Person, service: str
) -> None:
    asked: list[str] = []
    while ranked := rank(
        directory, service=service, person=person, asked=asked, may_be_told=anybody
    ):
        asked.append(ranked[0].code)

    expected = rank(directory, service=service, person=person, asked=(), may_be_told=anybody)
    assert asked == [one.code for one in expected]


@given(directories, persons, st.sampled_from(SERVICES))
def test_where_nobody_may_be_told_nobody_is_a_candidate(
    directory: list[Candidate], person: Person, service: str
) -> None:
    assert rank(directory, service=service, person=person, asked=(), may_be_told=nobody) == []


@pytest.mark.parametrize("band", codes("age_band"))
def test_every_age_band_of_the_vocabulary_is_understood(band: str) -> None:
    assert ages_of(band) == AGES.get(band)


def test_a_girl_on_the_edge_of_a_limit_is_taken_only_when_every_age_of_her_band_fits() -> None:
    girl = Person(sex="female", age_band="15-17", region="12")

    def offers(limit: Limits) -> bool:
        one = Candidate(
            code="A1",
            kind="shelter",
            region="12",
            zones=frozenset({"12"}),
            services={"shelter": limit},
        )
        return bool(rank([one], service="shelter", person=girl, asked=(), may_be_told=anybody))

    assert offers(Limits(age_min=15, age_max=17))
    assert not offers(Limits(age_min=16))
    assert not offers(Limits(age_max=16))
    assert not offers(Limits(sexes=frozenset({"male"})))
