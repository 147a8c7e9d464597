"""Small groups: every rule, every reason and every wish, and all small cases against exhaustion."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.referral.domain.placement import (
    PLACED,
    Group,
    House,
    Member,
    NoPlan,
    Offer,
    Plan,
    Program,
    Rule,
    Solution,
    Wishes,
    WishRefused,
)
from services.referral.domain.routing import Limits, Person
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.use_cases.placing import place_group
from tests.referral.placed import Placing, broken, placings
from tests.trust.faults import ran

pytestmark = pytest.mark.share("lifecycle")
CODES = ("NEAR", "FAR", "OTHER")
TOLD = frozenset((code, service) for code in CODES for service in ("shelter", "health"))
WOMEN = Limits(sexes=frozenset({"female"}))


def member(key: str = "P1", *, sex: str = "female", age: str = "25-34", **more: object) -> Member:
    facts: dict[str, object] = {
        "key": key,
        "person": Person(sex=sex, age_band=age, region="12"),
        "cercle": "1201",
        "needs": ("shelter",),
        "urgency": "urgent_72h",
        "told": TOLD,
    }
    return Member(**{**facts, **more})  # type: ignore[arg-type]  # a test gives what the type asks


def house(
    code: str = "NEAR", *, left: int = 1, limits: Limits | None = None, **more: object
) -> House:
    facts: dict[str, object] = {
        "code": code,
        "region": "12" if code == "NEAR" else "00",
        "zones": frozenset({"*"}),
        "offers": {"shelter": Offer(left=left, limits=limits or Limits())},
    }
    return House(**{**facts, **more})  # type: ignore[arg-type]  # a test gives what the type asks


def place(members: Iterable[Member], houses: Iterable[House], **wishes: object) -> Plan:
    group = Group(
        members=tuple(members),
        houses=tuple(houses),
        wishes=Wishes(**wishes),  # type: ignore[arg-type]  # a test gives what the type asks
    )
    plan = place_group(group, solver=HighsSolver())
    assert broken(group, placings(plan)) == []
    return plan


def where(plan: Plan) -> dict[str, str]:
    return {one.member: one.organisation for one in plan.placed}


def binding(plan: Plan) -> dict[str, tuple[tuple[Rule, ...], tuple[str, ...]]]:
    return {one.member: (one.binding, one.would_open) for one in plan.unplaced}


def test_the_nearest_house_that_is_open_takes_her() -> None:
    plan = place([member()], [house("FAR"), house("NEAR")])

    (placed,) = plan.placed
    assert (placed.organisation, placed.distance, placed.open_to) == ("NEAR", 1, 2)
    assert placed.better == ()
    assert plan.gap == 0


def test_a_house_in_her_own_cercle_is_nearer_than_one_elsewhere_in_the_region() -> None:
    there = house("OTHER", region="12", cercle="1201")

    assert where(place([member()], [house("NEAR", cercle="1204"), there])) == {"P1": "OTHER"}


def test_who_goes_further_is_told_which_nearer_house_was_taken_and_by_which_rule() -> None:
    plan = place([member("P1", urgency="vital_1h"), member("P2")], [house("NEAR"), house("FAR")])

    # It is as near to both: which of the two it takes is not hers to claim.
    (further,) = [one for one in plan.placed if one.organisation == "FAR"]
    assert [(one.organisation, one.rule) for one in further.better] == [("NEAR", Rule.PLACES)]


def test_a_house_where_her_language_is_spoken_weighs_as_much_as_a_step() -> None:
    speaking = house(
        "OTHER", region="00", zones=frozenset({"12"}), languages=frozenset({"bambara"})
    )
    her = member(languages=frozenset({"bambara"}))
    national = house("FAR")

    plan = place([her], [national, speaking])

    assert where(plan) == {"P1": "OTHER"}
    assert plan.placed[0].has_language


def test_the_most_urgent_has_the_last_place() -> None:
    plan = place([member("P1"), member("P2", urgency="vital_1h")], [house()])

    assert where(plan) == {"P2": "NEAR"}
    assert binding(plan) == {"P1": ((Rule.PLACES,), ("NEAR",))}


def test_more_people_placed_weigh_more_than_one_who_is_urgent() -> None:
    women, anybody = house("NEAR", limits=WOMEN), house("FAR")
    her = member("P1", urgency="vital_1h", refused=frozenset({"FAR"}))
    him = member("P2", sex="male")

    assert where(place([her, him], [women, anybody])) == {"P1": "NEAR", "P2": "FAR"}


def test_load_is_spread_among_houses_that_are_as_near() -> None:
    houses = [house("NEAR", left=4), house("OTHER", region="12", left=4)]
    plan = place([member(f"P{at}") for at in range(4)], houses)

    assert Counter(where(plan).values()) == {"NEAR": 2, "OTHER": 2}


@pytest.mark.parametrize(
    ("her", "there", "rule"),
    [
        (member(), house(offers={"health": Offer(left=9)}), Rule.SERVICE),
        (member(), house(zones=frozenset({"00"})), Rule.ZONE),
        (member(sex="male"), house(limits=WOMEN), Rule.PROFILE),
        (member(age="unknown"), house(limits=Limits(age_min=18)), Rule.PROFILE),
        (member(told=frozenset()), house(), Rule.CONSENT),
        (member(refused=frozenset({"NEAR"})), house(), Rule.REFUSED),
        (member(is_at_high_risk=True, danger="12"), house(cercle="1204"), Rule.SAFETY),
        (member(is_at_high_risk=True, danger="1204"), house(cercle="1204"), Rule.SAFETY),
        (member(is_at_high_risk=True, danger="1204"), house(), Rule.SAFETY),
        (member(), house(left=0), Rule.PLACES),
    ],
    ids=[
        "service",
        "zone",
        "sex",
        "age",
        "consent",
        "refused",
        "region of danger",
        "cercle of danger",
        "perhaps in the cercle of danger",
        "places",
    ],
)
def test_whoever_has_no_place_hears_which_rule_binds(her: Member, there: House, rule: Rule) -> None:
    plan = place([her], [there])

    assert binding(plan) == {"P1": ((rule,), ("NEAR",))}


def test_at_high_risk_a_house_in_another_cercle_than_that_of_exploitation_is_open() -> None:
    her = member(is_at_high_risk=True, danger="1201")

    assert where(place([her], [house(cercle="1204")])) == {"P1": "NEAR"}
    assert where(place([member(danger="1204")], [house(cercle="1204")])) == {"P1": "NEAR"}


def test_the_fewest_rules_bind_when_none_does_alone() -> None:
    closed = house("FAR", zones=frozenset({"00"}), limits=WOMEN, left=0)
    plan = place([member(sex="male")], [closed, house(zones=frozenset({"00"}), limits=WOMEN)])

    assert binding(plan) == {"P1": ((Rule.ZONE, Rule.PROFILE), ("NEAR",))}


def test_where_nobody_offers_anything_the_service_binds() -> None:
    assert binding(place([member()], [])) == {"P1": ((Rule.SERVICE,), ())}


def mother_and_son() -> list[Member]:
    return [
        member("P1", family="F"),
        member("P2", sex="male", age="12-14", needs=("health",), family="F"),
    ]


def test_a_family_stays_together_also_when_only_one_of_them_needs_a_bed() -> None:
    plan = place(mother_and_son(), [house("NEAR"), house("FAR", left=2)])

    beds = {one.member: one.organisation for one in plan.placed if one.service == "shelter"}
    assert beds == {"P1": "FAR", "P2": "FAR"}
    assert [one.with_family for one in plan.placed] == [2, 2]
    assert plan.placed[0].better[0].rule is Rule.PLACES


def test_a_family_that_finds_room_only_apart_is_not_parted_unless_a_human_says_so() -> None:
    houses = [house("NEAR", limits=WOMEN, left=3), house("FAR", left=1)]
    plan = place(mother_and_son(), houses)

    assert plan.placed == ()
    assert binding(plan)["P1"] == ((Rule.FAMILY,), ("FAR", "NEAR"))

    parted = place(mother_and_son(), houses, parted=frozenset({"F"}))
    assert {(one.member, one.organisation) for one in parted.placed} == {("P1", "NEAR")}


def test_a_family_for_which_there_is_too_little_room_even_apart_lacks_places() -> None:
    plan = place(mother_and_son(), [house("NEAR", left=1)])

    assert binding(plan)["P2"] == ((Rule.PLACES,), ("NEAR",))


def test_who_is_also_suspected_does_not_share_a_roof_with_the_others() -> None:
    both = [member("P1"), member("P2", is_suspected=True)]

    assert set(where(place(both, [house("NEAR", left=9), house("FAR")])).values()) == {
        "NEAR",
        "FAR",
    }
    alone = place(both, [house("NEAR", left=9)])
    assert len(alone.placed) == 1
    assert [one.binding for one in alone.unplaced] == [(Rule.APART,)]


def test_a_lawyer_may_be_asked_for_both() -> None:
    lawyer = house(offers={"legal_aid": Offer(left=2)})
    told = frozenset({("NEAR", "legal_aid")})
    both = [
        member("P1", needs=("legal_aid",), told=told),
        member("P2", needs=("legal_aid",), told=told, is_suspected=True),
    ]

    assert len(place(both, [lawyer]).placed) == 2


def test_a_pin_is_kept_and_everything_else_is_solved_around_it() -> None:
    houses = [house("NEAR"), house("FAR")]
    both = [member("P1", urgency="vital_1h"), member("P2")]

    plan = place(both, houses, pinned={("P2", "shelter"): "NEAR"})

    assert where(plan) == {"P1": "FAR", "P2": "NEAR"}
    assert [one.is_pinned for one in plan.placed] == [False, True]


class Broken:
    """A solver that finds nothing, as HiGHS may for reasons of its own."""

    def solve(self, program: Program) -> Solution:
        """Nothing."""
        raise NoPlan


def test_a_solver_that_fails_leaves_nobody_without_a_place_that_is_free() -> None:
    group = Group(
        members=tuple(member(f"P{nth}") for nth in range(3)),
        houses=(house("NEAR"), house("FAR")),
        wishes=Wishes(pinned={("P2", "shelter"): "NEAR"}),
    )

    plan = place_group(group, solver=Broken())

    assert broken(group, placings(plan)) == []
    assert where(plan)["P2"] == "NEAR"
    assert len(plan.placed) == 2
    assert plan.gap == 1.0


def test_a_place_that_a_human_forbids_is_not_proposed_again() -> None:
    no = frozenset({("P1", "shelter", "NEAR")})

    assert where(place([member()], [house("NEAR"), house("FAR")], forbidden=no)) == {"P1": "FAR"}
    alone = place([member()], [house("NEAR")], forbidden=no)
    assert binding(alone) == {"P1": ((Rule.FORBIDDEN,), ("NEAR",))}


def test_who_is_pinned_elsewhere_is_bound_by_the_pin() -> None:
    plan = place(
        mother_and_son(), [house("NEAR", left=2), house("FAR", left=2)],
        pinned={("P1", "shelter"): "FAR"},
    )  # fmt: skip

    beds = {one.member: one.organisation for one in plan.placed if one.service == "shelter"}
    assert beds == {"P1": "FAR", "P2": "FAR"}


@pytest.mark.parametrize(
    ("members", "houses", "pinned", "rule"),
    [
        ([member()], [house(left=0)], {("P1", "shelter"): "NEAR"}, Rule.PLACES),
        ([member(sex="male")], [house(limits=WOMEN)], {("P1", "shelter"): "NEAR"}, Rule.PROFILE),
        (
            [member("P1"), member("P2")],
            [house()],
            {("P1", "shelter"): "NEAR", ("P2", "shelter"): "NEAR"},
            Rule.PLACES,
        ),
        (
            [member("P1"), member("P2", is_suspected=True)],
            [house(left=9)],
            {("P1", "shelter"): "NEAR", ("P2", "shelter"): "NEAR"},
            Rule.APART,
        ),
        (
            mother_and_son(),
            [house("NEAR", left=9), house("FAR", left=9)],
            {("P1", "shelter"): "NEAR", ("P2", "shelter"): "FAR"},
            Rule.FAMILY,
        ),
        ([member()], [house()], {("P9", "shelter"): "NEAR"}, None),
        ([member()], [house()], {("P1", "health"): "NEAR"}, None),
        ([member()], [house()], {("P1", "shelter"): "NOWHERE"}, None),
    ],
)
def test_a_pin_that_a_rule_forbids_is_refused_by_its_name(
    members: list[Member],
    houses: list[House],
    pinned: dict[tuple[str, str], str],
    rule: Rule | None,
) -> None:
    with pytest.raises(WishRefused) as refused:
        place(members, houses, pinned=pinned)

    assert refused.value.rule is rule
    assert (refused.value.member, refused.value.service) in pinned


people = st.builds(
    member,
    sex=st.sampled_from(("female", "male")),
    age=st.sampled_from(("5-8", "25-34", "unknown")),
    urgency=st.sampled_from(("vital_1h", "emergency_24h", "urgent_72h", "normal_14d")),
    cercle=st.sampled_from((None, "1201", "1204")),
    languages=st.sampled_from((frozenset(), frozenset({"bambara"}), frozenset({"arabic"}))),
    family=st.sampled_from((None, None, "F", "G")),
    is_suspected=st.sampled_from((False, False, True)),
    is_at_high_risk=st.booleans(),
    danger=st.sampled_from((None, "12", "1201", "00")),
    refused=st.frozensets(st.sampled_from(CODES), max_size=1),
    told=st.sampled_from((TOLD, TOLD, frozenset({("NEAR", "shelter"), ("FAR", "shelter")}))),
)
places = st.builds(
    house,
    left=st.integers(0, 3),
    limits=st.sampled_from((Limits(), Limits(), WOMEN, Limits(age_max=17))),
    cercle=st.sampled_from((None, "1201", "1204")),
    zones=st.sampled_from((frozenset({"*"}), frozenset({"12"}), frozenset({"00"}))),
    languages=st.sampled_from((frozenset({"bambara"}), frozenset({"arabic"}))),
)


@st.composite
def groups(draw: st.DrawFn) -> Group:
    drawn = draw(st.lists(people, min_size=1, max_size=5))
    regions = st.sampled_from(("12", "00"))
    return Group(
        members=tuple(replace(one, key=f"P{at}") for at, one in enumerate(drawn)),
        houses=tuple(replace(draw(places), code=code, region=draw(regions)) for code in CODES),
    )


def all_placings(group: Group) -> Iterator[list[Placing]]:
    """Everything that could be done, of which what breaks no rule."""
    houses = (None, *(one.code for one in group.houses))
    for chosen in product(houses, repeat=len(group.members)):
        placed = [
            (one.key, "shelter", code)
            for one, code in zip(group.members, chosen, strict=True)
            if code is not None
        ]
        if not broken(group, placed):
            yield placed


def worth(group: Group, placed: list[Placing]) -> int:
    by_key = {one.key: one for one in group.members}
    urgent = {"vital_1h": 10_000, "emergency_24h": 1_000, "urgent_72h": 100, "normal_14d": 0}
    return sum(100_000 + urgent[by_key[key].urgency] for key, _, _ in placed)


def price(group: Group, placed: list[Placing]) -> int:
    by_key = {one.key: one for one in group.members}
    by_code = {one.code: one for one in group.houses}
    return sum(_price(by_key[key], by_code[code]) for key, _, code in placed) + sum(
        _load(by_code[code].offers["shelter"].left, taken)
        for code, taken in Counter(code for _, _, code in placed).items()
    )


def _price(her: Member, there: House) -> int:
    steps = 3
    if there.region == her.person.region:
        steps = 0 if her.cercle and her.cercle == there.cercle else 1
    elif her.person.region in there.zones:
        steps = 2
    is_foreign = bool(her.languages) and not her.languages & there.languages
    return 10 * steps + 10 * is_foreign


def _load(left: int, taken: int) -> int:
    """Each quarter of a house costs one more a place than the one before."""
    edges = [left * at // 4 for at in range(5)]
    quarters = [at for at in range(4) for _ in range(edges[at], edges[at + 1])]
    return sum(quarters[:taken])


@settings(max_examples=150, deadline=None)
@given(groups())
def test_every_small_group_is_placed_as_well_as_can_be(group: Group) -> None:
    plan = place_group(group, solver=HighsSolver())
    ours = placings(plan)
    assert broken(group, ours) == []

    best = max(worth(group, one) - price(group, one) for one in all_placings(group))
    assert worth(group, ours) - price(group, ours) >= best - PLACED / 2
    assert len(ours) == max(len(one) for one in all_placings(group))

    who = {key for key, _, _ in ours}
    least = min(
        price(group, one) for one in all_placings(group) if {key for key, _, _ in one} == who
    )
    assert price(group, ours) <= least / (1 - 0.008)


@settings(max_examples=100, deadline=None)
@given(groups())
def test_every_reason_is_true(group: Group) -> None:
    """Where places bind, there is too little room; where another rule does, lifting it opens one."""
    plan = place_group(group, solver=HighsSolver())
    taken = Counter(one.organisation for one in plan.placed)
    left = {one.code: one.offers["shelter"].left - taken[one.code] for one in group.houses}
    sizes = Counter(one.family or one.key for one in group.members)
    by_key = {one.key: one for one in group.members}
    for one in plan.unplaced:
        her = by_key[one.member]
        together = sizes[her.family or her.key]
        assert one.binding
        for code in one.would_open:
            if Rule.FAMILY not in one.binding:
                assert (Rule.PLACES in one.binding) == (left[code] < together)
    for placed in plan.placed:
        her = by_key[placed.member]
        for better in placed.better:
            assert better.rule is not None
            if better.rule is Rule.PLACES:
                assert left[better.organisation] < sizes[her.family or her.key]


def test_the_solver_says_nothing_among_the_answers_of_a_command() -> None:
    asking = """
from services.referral.domain.placement import Option, Program, Room
from services.referral.gateways.placement_solver import HighsSolver

room = Room(organisation="NEAR", left=1, is_shared=True)
one = Option(ask=0, room=0, size=1, worth=9, cost=1, is_apart=False, is_pinned=False)
program = Program(service="shelter", asks=(), rooms=(room,), options=(one,))
print(HighsSolver().solve(program).chosen, flush=True)
"""
    assert ran(sys.executable, "-c", asking) == "(0,)\n"
