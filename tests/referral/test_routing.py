"""Routing against the rules said again, one condition at a time and over the whole directory."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import CHILD_BANDS as POLICY_CHILD_BANDS
from contracts.vocabulary import codes, territories, territory
from services.referral.domain.routing import (
    CHILD_BANDS,
    EVERYWHERE,
    URGENCIES,
    Candidate,
    Directory,
    Limits,
    Need,
    Record,
    Room,
    Route,
    Shift,
    Situation,
    Unit,
    View,
    ages_of,
    needs_of,
    route,
)

pytestmark = pytest.mark.share("lifecycle")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
CERCLES = ("1201", "1202", "0101", "0003", "0701")
ZONES = ("12", "01", "00", "1201", "0101", EVERYWHERE)
KINDS = ("shelter", "health", "social", "police", "traditional", "consular")
SERVICES = ("shelter", "civil_documents")
NAMES = [f"ORG_{n}" for n in range(12)]
NEIGHBOURS = {one.ct: frozenset(one.neighbours) for one in territories()}

limits = st.builds(
    Limits,
    sexes=st.frozensets(st.sampled_from(("female", "male")), max_size=2),
    age_min=st.none() | st.integers(0, 60),
    age_max=st.none() | st.integers(0, 60),
    citizenship=st.frozensets(st.sampled_from(("GIN", "NGA")), max_size=1),
    exploitation=st.frozensets(st.sampled_from(("domestic_work", "gold_mining")), max_size=1),
    answers_within=st.none() | st.sampled_from(URGENCIES),
)
units = st.lists(st.sampled_from(CERCLES), min_size=1, max_size=2, unique=True).map(
    lambda those: tuple(Unit(name=one, cercle=one) for one in those)
)
candidates = st.builds(
    Candidate,
    code=st.sampled_from(NAMES),
    kind=st.sampled_from(KINDS),
    units=units,
    zones=st.frozensets(st.sampled_from(ZONES), min_size=1, max_size=3),
    services=st.dictionaries(st.sampled_from(SERVICES), limits, max_size=2),
    languages=st.frozensets(st.sampled_from(("bambara", "english")), max_size=2),
    is_suspended=st.booleans(),
)
directories = st.lists(candidates, max_size=12, unique_by=lambda one: one.code)
rooms = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(SERVICES)),
    st.builds(Room, st.integers(0, 2), st.sampled_from([timedelta(hours=n) for n in (1, 24, 25)])),
    max_size=6,
)
records = st.dictionaries(
    st.sampled_from(NAMES),
    st.integers(0, 6).flatmap(lambda of: st.builds(Record, st.integers(0, of), st.just(of))),
    max_size=6,
)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    cercle = draw(st.none() | st.sampled_from(CERCLES))
    region = cercle[:2] if cercle else draw(st.sampled_from(("12", "01", "00")))
    return Situation(
        owner=draw(st.sampled_from(NAMES)),
        owner_kind="police",
        sex=draw(st.sampled_from(codes("sex"))),
        age_band=draw(st.sampled_from(codes("age_band"))),
        region=region,
        cercle=cercle,
        neighbours=NEIGHBOURS[region],
        citizenship=draw(st.frozensets(st.sampled_from(("MLI", "GIN", "NGA")), max_size=2)),
        exploitation=draw(
            st.frozensets(
                st.sampled_from(("domestic_work", "descent_based_slavery", "gold_mining")),
                min_size=1,
                max_size=2,
            )
        ),
        risk=draw(st.sampled_from(codes("risk"))),
        urgency=draw(st.sampled_from(URGENCIES)),
        needs=draw(st.lists(st.sampled_from(codes("service")), max_size=4).map(tuple)),
        languages=draw(st.frozensets(st.sampled_from(("bambara", "english")), max_size=1)),
    )


needs = st.builds(Need, service=st.sampled_from(SERVICES), urgency=st.sampled_from(URGENCIES))


@dataclass(frozen=True)
class Told:
    """Who may be told, by kind; whom the person named, by code."""

    kinds: Collection[str] = KINDS
    named: Collection[str] = ()

    def may_tell(self, one: Candidate, service: str) -> bool:
        return one.kind in self.kinds

    def names(self, one: Candidate, service: str) -> bool:
        return one.code in self.named


EVERYBODY = Told()


def routed(
    directory: Directory,
    case: Situation,
    need: Need,
    *,
    asked: Collection[str] = (),
    told: Told = EVERYBODY,
    at: datetime = NOON,
) -> Route:
    view = View(case=case, need=need, directory=directory, telling=told, at=at)
    return route(view, dict.fromkeys(asked, "declined"))


def codes_of(found: Route) -> list[str]:
    return [one.code for one in found.ranked]


def may_be_asked(one: Candidate, case: Situation, need: Need, told: Told) -> bool:
    """The rules said again."""
    given = one.services[need.service]
    places = {EVERYWHERE, case.region, case.cercle}
    is_near = bool(places & one.zones) or (
        case.cercle is None and any(zone.startswith(case.region) for zone in one.zones)
    )
    slavery = "descent_based_slavery" in case.exploitation
    checks = [
        one.code != case.owner,
        not one.is_suspended,
        is_near,
        not given.sexes or case.sex in given.sexes,
        _age_fits(given, case.age_band),
        not given.citizenship or bool(given.citizenship & case.citizenship),
        not given.exploitation or bool(given.exploitation & case.exploitation),
        one.kind in told.kinds,
        not (slavery and one.kind == "traditional"),
        one.kind != "consular" or one.code in told.named,
        one.kind != "consular"
        or ("MLI" not in case.citizenship and bool(given.citizenship & case.citizenship)),
        not (case.risk == "high" or slavery)
        or need.service != "shelter"
        or any(unit.cercle != case.cercle for unit in one.units),
    ]
    return all(checks)


def _age_fits(given: Limits, band: str) -> bool:
    if given.age_min is None and given.age_max is None:
        return True
    if band == "unknown":
        return False
    low, high = (60, 120) if band == "60+" else map(int, band.split("-"))
    least = 0 if given.age_min is None else given.age_min
    most = 999 if given.age_max is None else given.age_max
    return all(least <= age <= most for age in range(low, high + 1))


def has_room(directory: Directory, code: str, service: str) -> bool:
    """Whether no count of the last day says that there is none."""
    room = directory.rooms.get((code, service))
    return room is None or room.left > 0 or room.age > timedelta(hours=24)


@given(directories, situations(), needs, st.data())
def test_who_is_asked_is_what_going_through_the_directory_by_hand_gives(
    listed: list[Candidate], case: Situation, need: Need, data: st.DataObject
) -> None:
    asked = data.draw(st.sets(st.sampled_from(NAMES), max_size=3))
    told = Told(
        kinds=data.draw(st.frozensets(st.sampled_from(KINDS))),
        named=data.draw(st.frozensets(st.sampled_from(NAMES), max_size=4)),
    )
    directory = Directory.of(listed, rooms=data.draw(rooms), records=data.draw(records))

    found = routed(directory, case, need, asked=asked, told=told)
    by_hand = {
        one.code
        for one in listed
        if need.service in one.services
        and one.code not in asked
        and may_be_asked(one, case, need, told)
        and has_room(directory, one.code, need.service)
    }
    assert set(codes_of(found)) == by_hand
    giving = {one.code for one in listed if need.service in one.services}
    assert {code for _, those in found.excluded for code in those} == giving - by_hand
    assert found.others == len(listed) - len(giving)
    assert all(len(one.marks) == 7 for one in found.ranked)


@given(directories, situations(), needs, rooms, records)
def test_a_nearer_one_is_asked_first_and_of_two_as_near_one_that_has_counted_room(
    listed: list[Candidate],
    case: Situation,
    need: Need,
    known: dict[tuple[str, str], Room],
    answered: dict[str, Record],
) -> None:
    found = routed(Directory.of(listed, rooms=known, records=answered), case, need)

    def steps(one: Candidate) -> int:
        free = [
            unit
            for unit in one.units
            if not (
                need.service == "shelter"
                and unit.cercle == case.cercle
                and (case.risk == "high" or "descent_based_slavery" in case.exploitation)
            )
        ]
        return min(_steps(unit, case) for unit in free)

    def room(one: Candidate) -> int:
        counted = known.get((one.code, need.service))
        if counted is None:
            return 1
        return 0 if counted.age <= timedelta(hours=24) else 1 if counted.left else 2

    def poor(one: Candidate) -> bool:
        record = answered.get(one.code, Record(0, 0))
        return record.of >= 4 and record.in_time / record.of < 0.5

    order = [(steps(one), room(one), poor(one)) for one in (r.organisation for r in found.ranked)]
    assert order == sorted(order)


def _steps(unit: Unit, case: Situation) -> int:
    if unit.cercle == case.cercle:
        return 0
    region = unit.cercle[:2]
    return 1 if region == case.region else 2 if region in NEIGHBOURS[case.region] else 3


@given(directories, situations(), needs, st.randoms())
def test_the_order_of_the_directory_makes_no_difference(
    listed: list[Candidate], case: Situation, need: Need, chance: Random
) -> None:
    shuffled = list(listed)
    chance.shuffle(shuffled)

    in_order, mixed = (
        codes_of(routed(Directory.of(given), case, need)) for given in (listed, shuffled)
    )
    assert in_order == mixed


@given(directories, situations(), needs)
def test_asking_one_after_the_other_reaches_each_once_and_ends(
    listed: list[Candidate], case: Situation, need: Need
) -> None:
    directory, asked = Directory.of(listed), list[str]()
    while ranked := codes_of(routed(directory, case, need, asked=asked)):
        asked.append(ranked[0])

    assert asked == codes_of(routed(directory, case, need))


@given(directories, situations(), needs)
def test_where_nobody_may_be_told_nobody_is_asked(
    listed: list[Candidate], case: Situation, need: Need
) -> None:
    assert not routed(Directory.of(listed), case, need, told=Told(kinds=())).ranked


@given(situations())
def test_each_need_is_asked_for_once_demands_first_and_never_later_than_assessed(
    case: Situation,
) -> None:
    asked = needs_of(case)
    demanded = {
        *({"child_protection"} if case.age_band in CHILD_BANDS else ()),
        *(
            {"immediate_safety"}
            if case.risk == "high" and "descent_based_slavery" in case.exploitation
            else ()
        ),
    }

    assert [one.service for one in asked if one.why != "need"] == [
        one for one in ("child_protection", "immediate_safety") if one in demanded
    ]
    assert len({one.service for one in asked}) == len(asked)
    assert {one.service for one in asked} == set(case.needs) | demanded
    for one in asked:
        within = URGENCIES.index(one.urgency)
        assert within <= URGENCIES.index(case.urgency)
        assert one.why == "need" or within <= URGENCIES.index("emergency_24h")


@pytest.mark.parametrize(
    ("shift", "hours", "meets"),
    [
        (Shift(begins=time(8), ends=time(16)), (7, 8), True),
        (Shift(begins=time(8), ends=time(16)), (16, 17), False),
        (Shift(begins=time(8), ends=time(16)), (17, 31), False),
        (Shift(begins=time(8), ends=time(16)), (17, 32), True),
        (Shift(begins=time(19), ends=time(7)), (2, 3), True),
        (Shift(begins=time(19), ends=time(7)), (7, 8), False),
        (Shift(begins=time(8), ends=time(16), days=frozenset({1})), (0, 24), True),
        (Shift(begins=time(8), ends=time(16), days=frozenset({2})), (0, 24), False),
        (Shift(begins=time(22), ends=time(6), days=frozenset({0})), (1, 2), True),
        (Shift(begins=time(22), ends=time(6), days=frozenset({1})), (1, 2), False),
    ],
)
def test_a_shift_is_met_on_its_days_and_over_midnight(
    shift: Shift, hours: tuple[int, int], meets: bool
) -> None:
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    since, until = (midnight + timedelta(hours=hour) for hour in hours)

    assert shift.meets(since, until) == meets


@pytest.mark.parametrize("band", codes("age_band"))
def test_every_age_band_of_the_vocabulary_is_understood(band: str) -> None:
    ages = {"60+": (60, 120), "unknown": None}
    low, _, high = band.partition("-")
    assert ages_of(band) == (ages[band] if band in ages else (int(low), int(high)))


def test_the_rules_speak_the_shared_codes_only() -> None:
    assert set(URGENCIES) == set(codes("urgency"))
    assert CHILD_BANDS == POLICY_CHILD_BANDS


def test_regions_are_neighbours_of_each_other_and_none_is_an_island() -> None:
    for one in territories():
        assert one.ct not in one.neighbours
        assert all(one.ct in territory(other).neighbours for other in one.neighbours)
    reached, found = {"00"}, {"00"}
    while found:
        found = {n for ct in found for n in territory(ct).neighbours} - reached
        reached |= found
    assert len(reached) == 20
    assert territory("00").neighbours == ("02",)


GIRL = Situation(
    owner="POLICE_A",
    owner_kind="police",
    sex="female",
    age_band="15-17",
    region="12",
    cercle="1201",
    neighbours=NEIGHBOURS["12"],
    urgency="urgent_72h",
)
BED = Need(service="shelter", urgency="urgent_72h")


def offering(code: str = "A1", *, cercle: str = "1201", **changes: object) -> Candidate:
    one = Candidate(
        code=code,
        kind="shelter",
        units=(Unit(name=cercle, cercle=cercle),),
        zones=frozenset({EVERYWHERE}),
        services={"shelter": Limits()},
    )
    return replace(one, **changes)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("limit", "taken"),
    [
        (Limits(age_min=15, age_max=17), True),
        (Limits(age_min=16), False),
        (Limits(age_max=16), False),
        (Limits(sexes=frozenset({"male"})), False),
    ],
)
def test_a_girl_on_the_edge_of_a_limit_is_taken_only_when_every_age_of_her_band_fits(
    limit: Limits, taken: bool
) -> None:
    directory = Directory.of([offering(services={"shelter": limit})])
    assert bool(routed(directory, GIRL, BED).ranked) == taken


def first(*those: Candidate, told: Told = EVERYBODY, at: datetime = NOON, **known: object) -> str:
    directory = Directory.of(those, **known)  # type: ignore[arg-type]  # rooms and records
    found = routed(directory, GIRL, BED, told=told, at=at)
    assert found.decided_by is not None
    return f"{codes_of(found)[0]} by {found.decided_by}"


def test_each_question_decides_between_two_that_are_equal_in_all_before_it() -> None:
    near, far = offering("B1"), offering("A1", cercle="1202")
    day = Shift(begins=time(8), ends=time(16), days=frozenset({5, 6}))
    assert first(near, far) == "B1 by distance"
    assert first(near, far, told=Told(named={"A1"})) == "A1 by wish"
    closed = replace(near, shifts=(day,))
    assert first(closed, far, at=datetime(2026, 11, 28, 17, tzinfo=UTC)) == "B1 by distance"
    assert first(replace(closed, shifts=()), far) == "A1 by duty"
    room = {("B1", "shelter"): Room(1, timedelta(hours=1))}
    assert first(offering("A1"), near, rooms=room) == "B1 by room"
    assert first(offering("A1"), near, records={"A1": Record(1, 4)}) == "B1 by record"
    late = {"shelter": Limits(answers_within="normal_14d")}
    assert first(offering("A1", services=late), near) == "B1 by promise"
    assert first(offering("A1"), near) == "A1 by code"
