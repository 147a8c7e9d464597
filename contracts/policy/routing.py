"""Who is asked and who hears what, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

CHILD_BANDS = frozenset({"0-4", "5-8", "9-11", "12-14", "15-17"})
# Soonest first: a mandatory rule may only make an answer due sooner (design §7).
URGENCIES = ("vital_1h", "emergency_24h", "urgent_72h", "normal_14d")

Relation = Literal["recipient", "owner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What routing may know of a person: never more than the coarse profile G1."""

    sex: str
    age_band: str
    region: str
    citizenship: tuple[str, ...]
    exploitation: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MandatoryService:
    """A service that the law asks for whether or not somebody ticked it, and how soon."""

    rule: str
    applies: Callable[[Profile], bool]
    service: str
    urgency: str


@dataclass(frozen=True, slots=True)
class Hearing:
    """The event `name` is told to whoever stands in this relation to the case."""

    name: str
    relation: Relation


def _is_child(profile: Profile) -> bool:
    return profile.age_band in CHILD_BANDS


MANDATORY = (
    MandatoryService(
        rule="child_to_social_service_24h",
        applies=_is_child,
        service="child_protection",
        urgency="emergency_24h",
    ),
)

_STEPS = ("received", "accepted", "declined", "started", "delivered", "not_delivered")
HEARINGS = (
    Hearing("referral.offered", "recipient"),
    *(Hearing(f"referral.{step}", "recipient") for step in _STEPS),
    *(Hearing(f"referral.{step}", "owner") for step in _STEPS),
    Hearing("referral.unplaced", "owner"),
    Hearing("proceeding.advanced", "owner"),
    Hearing("proceeding.advanced", "recipient"),
)


def services_needed(
    profile: Profile, needs: tuple[str, ...], urgency: str
) -> list[tuple[str, str]]:
    """(service, urgency) to ask for: mandatory rules first, then the needs, none twice."""
    asked = {need: urgency for need in needs}
    required = {
        rule.service: min(rule.urgency, urgency, key=URGENCIES.index)
        for rule in MANDATORY
        if rule.applies(profile)
    }
    return [*required.items(), *((s, u) for s, u in asked.items() if s not in required)]


def who_hears(name: str, relations: Mapping[Relation, str]) -> list[tuple[str, Relation]]:
    """(organisation, relation) that hear this event, each organisation once."""
    heard: dict[str, Relation] = {}
    for hearing in HEARINGS:
        organisation = relations.get(hearing.relation)
        if hearing.name == name and organisation is not None:
            heard.setdefault(organisation, hearing.relation)
    return list(heard.items())
