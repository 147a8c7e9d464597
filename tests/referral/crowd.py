"""Hundreds of persons freed in one night, and the organisations of a country; made from a seed."""

from random import Random

from contracts.vocabulary import codes
from services.referral.domain.placement import Group, House, Member, Offer
from services.referral.domain.routing import EVERYWHERE, Limits, Person

# As police found them in Bamako in February 2025: 329 men and 148 women of five countries, with
# children of one month to six years (domain §1.3); beside them those who come from a gold site.
LANGUAGES = (
    (frozenset({"french", "bambara"}), 4),
    (frozenset({"french", "malinke"}), 3),
    (frozenset({"french", "fulfulde"}), 2),
    (frozenset({"other"}), 2),
    (frozenset({"arabic", "hassaniya"}), 1),
    (frozenset[str](), 1),
)
ADULTS = ("18-24", "25-34", "35-59", "60+")
CHILDREN = ("0-4", "5-8", "9-11", "12-14", "15-17")
REGIONS = ("00", "01", "02", "03", "04", "05", "12", "15")
# Sizes of those who came together: about half of all persons are in a family.
PARTIES = (*(1,) * 12, 2, 3, 4, 5)
WHERE = (("00", "0003"), ("02", "0204"), ("12", "1201"))
SERVICES = ("shelter", "shelter", "shelter", "health", "legal_aid")


def crowd(random: Random, *, persons: int, organisations: int, room: float = 0.9) -> Group:
    """A group with fewer places than it needs (`room` of them), in families and alone."""
    houses = [_house(random, number) for number in range(organisations)]
    members: list[Member] = []
    while len(members) < persons:
        size = min(random.choice(PARTIES), persons - len(members))
        members += _party(random, len(members), size=size, houses=houses)
    return Group(members=tuple(members), houses=_with_places(random, houses, members, room=room))


def _house(random: Random, number: int) -> House:
    region = random.choice(REGIONS)
    cercle = random.choice((None, *(f"{region}{order:02}" for order in (1, 3, 4))))
    zones = random.choice(((EVERYWHERE,), (region,), (region, "00"), (region, "02", "12")))
    services = dict.fromkeys(random.sample(SERVICES, k=random.choice((1, 2, 3))))
    return House(
        code=f"ORG_{number:02}",
        region=region,
        cercle=cercle,
        zones=frozenset(zones),
        languages=random.choice([spoken for spoken, _ in LANGUAGES]) | {"french"},
        offers={service: Offer(left=0, limits=_limits(random)) for service in services},
    )


def _limits(random: Random) -> Limits:
    return random.choice(
        (
            Limits(),
            Limits(sexes=frozenset({"female"})),
            Limits(sexes=frozenset({"male"}), age_min=15),
            Limits(age_max=17),
            Limits(age_min=18),
        )
    )


def _party(random: Random, first: int, *, size: int, houses: list[House]) -> list[Member]:
    region, cercle = random.choice(WHERE)
    (languages,) = random.choices(
        [spoken for spoken, _ in LANGUAGES], [weight for _, weight in LANGUAGES]
    )
    is_at_high_risk = random.random() < 0.2
    return [
        Member(
            key=f"P{first + at:04}",
            person=Person(
                sex=random.choices(("male", "female", "unknown"), (6, 4, 0.2))[0],
                age_band=random.choice(CHILDREN if at or random.random() < 0.1 else ADULTS),
                region=region,
            ),
            cercle=cercle,
            needs=tuple(dict.fromkeys(("shelter", *random.sample(SERVICES, k=1)))),
            urgency=random.choices(codes("urgency"), (1, 3, 4, 4))[0],
            is_at_high_risk=is_at_high_risk,
            danger=random.choice((region, cercle)) if is_at_high_risk else None,
            languages=languages,
            family=f"F{first:04}" if size > 1 else None,
            is_suspected=size == 1 and random.random() < 0.1,
            refused=frozenset(random.choice(houses).code for _ in range(random.choice((0, 0, 1)))),
            told=_told(random, houses),
        )
        for at in range(size)
    ]


def _told(random: Random, houses: list[House]) -> frozenset[tuple[str, str]]:
    withheld = {random.choice(houses).code for _ in range(random.choice((0, 1, 2)))}
    return frozenset(
        (house.code, service)
        for house in houses
        for service in house.offers
        if house.code not in withheld
    )


def _with_places(
    random: Random, houses: list[House], members: list[Member], *, room: float
) -> tuple[House, ...]:
    """Places dealt out in handfuls until `room` of what is needed of each service is there."""
    left: dict[tuple[str, str], int] = {}
    for service in dict.fromkeys(SERVICES):
        offering = [house.code for house in houses if service in house.offers]
        wanted = int(sum(service in one.needs for one in members) * room)
        while offering and wanted > 0:
            handful = min(wanted, random.choice((1, 2, 4, 6)))
            at = (random.choice(offering), service)
            left[at] = left.get(at, 0) + handful
            wanted -= handful
    return tuple(
        House(
            code=house.code,
            region=house.region,
            cercle=house.cercle,
            zones=house.zones,
            languages=house.languages,
            offers={
                service: Offer(left=left.get((house.code, service), 0), limits=offer.limits)
                for service, offer in house.offers.items()
            },
        )
        for house in houses
    )
