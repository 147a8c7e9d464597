"""Who needs a place, who has places, and what a human has already decided about them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from services.referral.domain.routing import Limits, Need, Person

# Where people sleep: a family that sleeps apart is separated, and so is a child from her mother
# when only one of them was ticked.
RESIDENTIAL = frozenset({"immediate_safety", "shelter"})


def waits_for_plan(need: Need) -> bool:
    """Whether a case of an incident waits with this until all its persons are placed together.

    What a rule demands does not wait, nor does anybody whose life is in danger within the hour.
    """
    return need.why == "need" and need.service in RESIDENTIAL and need.urgency != "vital_1h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of the group, in coded facts; `key` tells her apart and says nothing of her.

    danger: the region (2 digits) or cercle (4 digits) of exploitation. refused: organisations that
    she does not want, or that did not want her. told: (organisation, service) that some ground
    allows to be told of her.
    """

    key: str
    person: Person
    cercle: str | None = None
    needs: tuple[str, ...]
    urgency: str
    is_at_high_risk: bool = False
    danger: str | None = None
    languages: frozenset[str] = frozenset()
    family: str | None = None
    is_suspected: bool = False
    refused: frozenset[str] = frozenset()
    told: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One service of an organisation: how many places are left, and for whom they are."""

    left: int
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An organisation that takes people in.

    zones: the regions and cercles it serves, `CT/` for some part of a region, or `*`.
    """

    code: str
    region: str
    cercle: str | None = None
    zones: frozenset[str]
    languages: frozenset[str] = frozenset()
    offers: Mapping[str, Offer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a human decided before, or after seeing a plan: it is solved again around that.

    pinned: (member, service) → organisation. forbidden: (member, service, organisation).
    parted: families that need not stay together.
    """

    pinned: Mapping[tuple[str, str], str] = field(default_factory=dict)
    forbidden: frozenset[tuple[str, str, str]] = frozenset()
    parted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Everything that decides a placement."""

    members: tuple[Member, ...]
    houses: tuple[House, ...]
    wishes: Wishes = field(default_factory=Wishes)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One service for those who go to it together: a family, or one person."""

    service: str
    members: tuple[Member, ...]

    @cached_property
    def family(self) -> str | None:
        """The family that goes together; None for a person alone."""
        return self.members[0].family if len(self.members) > 1 else None

    @property
    def size(self) -> int:
        """How many places it takes."""
        return len(self.members)

    @cached_property
    def is_apart(self) -> bool:
        """Whether it may not share a roof with the others of the group: one of them is suspected."""
        return self.service in RESIDENTIAL and any(one.is_suspected for one in self.members)


def asks_of(group: Group) -> list[Ask]:
    """What has to be found, in a fixed order: each service of each family or single person."""
    return [
        Ask(service=service, members=tuple(members))
        for party in _parties(group)
        for service, members in _by_service(party).items()
    ]


def _parties(group: Group) -> Iterable[list[Member]]:
    parties: dict[tuple[str, str], list[Member]] = defaultdict(list)
    for one in sorted(group.members, key=lambda one: one.key):
        is_together = one.family is not None and one.family not in group.wishes.parted
        parties[("family", one.family or "") if is_together else ("alone", one.key)].append(one)
    return parties.values()


def _by_service(party: list[Member]) -> Mapping[str, list[Member]]:
    services = dict.fromkeys(service for one in party for service in one.needs)
    return {
        service: [one for one in party if service in RESIDENTIAL or service in one.needs]
        for service in services
    }
