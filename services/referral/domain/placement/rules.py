"""What no placement may break, each rule by its name, and what makes one place better than another."""

from collections.abc import Iterator
from enum import StrEnum

from services.referral.domain.placement.group import Ask, House, Member, Wishes
from services.referral.domain.routing import EVERYWHERE, PART, unfit


class Rule(StrEnum):
    """The constraints. The last three bind persons to one another, the others person and place.

    service: the organisation gives it. zone: it serves where she is. profile: its limits of sex and
    age. consent: some ground lets it be told. refused: neither has refused the other. safety: at
    high risk, away from the place of exploitation (domain §1.3: "exact village = danger").
    forbidden: no human has said no. pinned: a human has said elsewhere.

    places: no more people than places. family: together, and all in or none. apart: who is also
    suspected does not sleep under one roof with those who may have to testify (domain §1.3, QNET:
    "either victim or accomplice").
    """

    SERVICE = "service"
    ZONE = "zone"
    PROFILE = "profile"
    CONSENT = "consent"
    REFUSED = "refused"
    SAFETY = "safety"
    FORBIDDEN = "forbidden"
    PINNED = "pinned"
    PLACES = "places"
    FAMILY = "family"
    APART = "apart"


class WishRefused(Exception):
    """A pin that a rule does not allow; `rule` is None where the person, service or organisation
    is not in the group."""

    def __init__(self, pin: tuple[str, str], organisation: str, *, rule: Rule | None):
        super().__init__("unknown" if rule is None else rule.value)
        self.member, self.service = pin
        self.organisation = organisation
        self.rule = rule


# Steps of distance, in `cost`.
SAME_CERCLE, SAME_REGION, SERVED, NATIONAL = range(4)
# One step further weighs as much as a house where nobody speaks her language, and more than the
# whole difference between an empty and a full house (0 to 3): load decides among equals only.
STEP, FOREIGN = 10, 10


def hindrances(ask: Ask, house: House, wishes: Wishes) -> frozenset[Rule]:
    """Every rule between this ask and this place; for a family, of each of its members."""
    return frozenset(_found(ask, house, wishes))


def is_open(ask: Ask, house: House, wishes: Wishes) -> bool:
    """Whether nothing but want of room, or of a roof of one's own, speaks against it."""
    return next(_found(ask, house, wishes), None) is None


def cost(ask: Ask, house: House) -> int:
    """How far from what is best for them, all members together; 0 is at the door and in her words."""
    return sum(
        STEP * distance(one, house) + FOREIGN * (not speaks(one, house)) for one in ask.members
    )


def distance(member: Member, house: House) -> int:
    """0 same cercle, 1 same region, 2 a region it names, 3 it serves the whole country."""
    if house.region == member.person.region:
        is_near = member.cercle is not None and member.cercle == house.cercle
        return SAME_CERCLE if is_near else SAME_REGION
    return NATIONAL if house.zones.isdisjoint(_places(member)[1:]) else SERVED


def speaks(member: Member, house: House) -> bool:
    """Whether they have a language in common; a person whose languages are not known loses nothing."""
    return not member.languages or not member.languages.isdisjoint(house.languages)


def _found(ask: Ask, house: House, wishes: Wishes) -> Iterator[Rule]:
    """One rule after the other, so that whoever wants to know of any need not ask for all."""
    for member in ask.members:
        yield from _between(member, house, ask.service)
        yield from _wished(member, house, service=ask.service, wishes=wishes)


def _between(member: Member, house: House, service: str) -> Iterator[Rule]:
    offer = house.offers.get(service)
    if offer is None:
        yield Rule.SERVICE
    if house.zones.isdisjoint(_places(member)):
        yield Rule.ZONE
    if (house.code, service) not in member.told:
        yield Rule.CONSENT
    if house.code in member.refused:
        yield Rule.REFUSED
    if member.is_at_high_risk and _is_in_danger(member.danger, house):
        yield Rule.SAFETY
    if offer is not None and unfit(offer.limits, member.person) is not None:
        yield Rule.PROFILE


def _places(member: Member) -> tuple[str, str, str]:
    """As routing has it: where her cercle is not known, also what serves a part of her region."""
    region = member.person.region
    return EVERYWHERE, region, member.cercle or f"{region}{PART}"


def _is_in_danger(danger: str | None, house: House) -> bool:
    """A house whose cercle is not known may lie in any of its region; so may the danger."""
    if danger is None or house.region != danger[:2]:
        return False
    return len(danger) == 2 or house.cercle in (None, danger)


def _wished(member: Member, house: House, *, service: str, wishes: Wishes) -> Iterator[Rule]:
    if (member.key, service, house.code) in wishes.forbidden:
        yield Rule.FORBIDDEN
    if wishes.pinned.get((member.key, service), house.code) != house.code:
        yield Rule.PINNED
