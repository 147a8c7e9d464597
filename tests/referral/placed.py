"""A placement judged person by person, by rules said again; and the plan a hurried officer makes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from services.referral.domain.placement import Group, House, Member, Plan
from services.referral.domain.routing import Limits

# Who, for what, where: the member's key, the service, the organisation's code.
Placing = tuple[str, str, str]
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
SLEEPS = ("immediate_safety", "shelter")


def placings(plan: Plan) -> list[Placing]:
    return [(one.member, one.service, one.organisation) for one in plan.placed]


def broken(group: Group, placed: Iterable[Placing]) -> list[str]:
    """Every rule that is broken, by its name and by whom; empty when all hold."""
    placed = list(placed)
    members = {one.key: one for one in group.members}
    houses = {one.code: one for one in group.houses}
    found = []
    for key, service, code in placed:
        found += [f"{rule} {key}" for rule in _alone(members[key], houses[code], service)]
        if (key, service, code) in group.wishes.forbidden:
            found.append(f"forbidden {key}")
    where = {(key, service): code for key, service, code in placed}
    if len(where) != len(placed):
        found.append("placed twice")
    for pin, code in group.wishes.pinned.items():
        if where.get(pin) != code:
            found.append(f"pinned {pin}")
    return [*found, *_overfull(houses, placed), *_parted(group, where), *_mixed(members, placed)]


def _alone(member: Member, house: House, service: str) -> Iterator[str]:
    if service not in house.offers:
        yield "service"
    elif not _suits(member, house.offers[service].limits):
        yield "profile"
    if "*" not in house.zones and member.person.region not in house.zones:
        yield "zone"
    if (house.code, service) not in member.told:
        yield "consent"
    if house.code in member.refused:
        yield "refused"
    if member.is_at_high_risk and member.danger is not None:
        # A house of which no cercle is known may be in any of its region.
        may_be_in = {house.region, house.cercle or member.danger} - {None}
        if member.danger[:2] == house.region and member.danger in may_be_in:
            yield "safety"


def _suits(member: Member, limits: Limits) -> bool:
    """One year at a time."""
    if limits.sexes and member.person.sex not in limits.sexes:
        return False
    if limits.age_min is None and limits.age_max is None:
        return True
    low, high = AGES.get(member.person.age_band, (-1, 999))
    at_least = 0 if limits.age_min is None else limits.age_min
    at_most = 999 if limits.age_max is None else limits.age_max
    return all(at_least <= age <= at_most for age in range(low, high + 1))


def _overfull(houses: dict[str, House], placed: list[Placing]) -> Iterator[str]:
    for (service, code), taken in Counter(one[1:] for one in placed).items():
        offer = houses[code].offers.get(service)
        if offer is not None and taken > offer.left:
            yield f"places {code}"


def _parted(group: Group, where: dict[tuple[str, str], str]) -> Iterator[str]:
    families: dict[str, list[Member]] = defaultdict(list)
    for one in group.members:
        if one.family is not None and one.family not in group.wishes.parted:
            families[one.family].append(one)
    for name, family in families.items():
        for service in {service for one in family for service in one.needs}:
            goers = [one for one in family if service in SLEEPS or service in one.needs]
            if len({where.get((one.key, service)) for one in goers}) > 1:
                yield f"family {name}"


def _mixed(members: dict[str, Member], placed: list[Placing]) -> Iterator[str]:
    """A family of whom one is suspected is set apart as a whole."""
    suspected = {one.key for one in members.values() if one.is_suspected}
    theirs = {one.family for one in members.values() if one.family and one.key in suspected}
    roofs = defaultdict(set)
    for key, service, code in placed:
        if service in SLEEPS:
            roofs[service, code].add(key in suspected or members[key].family in theirs)
    return (f"apart {code}" for (_, code), kinds in roofs.items() if len(kinds) > 1)


def hurried(group: Group) -> list[Placing]:
    """The baseline: the most urgent first, each party to the nearest house that still takes it."""
    parties: dict[str, list[Member]] = defaultdict(list)
    for one in group.members:
        parties[one.family or one.key].append(one)
    order = ("vital_1h", "emergency_24h", "urgent_72h", "normal_14d")
    placed: list[Placing] = []
    for party in sorted(
        parties.values(), key=lambda them: min(order.index(m.urgency) for m in them)
    ):
        for service in dict.fromkeys(service for one in party for service in one.needs):
            goers = [one for one in party if service in SLEEPS or service in one.needs]
            placed += _nearest(group, goers, service, placed)
    return placed


def _nearest(
    group: Group, goers: list[Member], service: str, placed: list[Placing]
) -> list[Placing]:
    members = {one.key: one for one in group.members}
    houses = {one.code: one for one in group.houses}
    region = goers[0].person.region
    for house in sorted(group.houses, key=lambda one: (one.region != region, "*" in one.zones)):
        more = [(one.key, service, house.code) for one in goers]
        beside = [one for one in placed if one[1:] == (service, house.code)]
        if not any(any(_alone(one, house, service)) for one in goers) and not [
            *_overfull(houses, [*beside, *more]),
            *_mixed(members, [*beside, *more]),
        ]:
            return more
    return []
