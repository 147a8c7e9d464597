"""A plan as its owner sees it: cases and families by the names of its own feed, reasons as sentences."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from chassis.web import Shown
from services.referral.api.reasons import Reason
from services.referral.store.groups import Gathering
from services.referral.use_cases.explaining import count_plan, why_left, why_placed

#: What a feed calls this case; a family is called by the same key.
Name = Callable[[UUID], str]


class Placement(Shown):
    """Where one person would go, of how many that are open to her, and why there."""

    case: str
    family: str | None
    service: str
    organisation: str
    open_to: int
    with_family: int
    is_pinned: bool
    reasons: list[Reason]


class Left(Shown):
    """Who has no place. binding: the fewest rules that keep her from one; would_open: from whose."""

    case: str
    family: str | None
    service: str
    urgency: str
    binding: list[str]
    would_open: list[str]
    reasons: list[Reason]


class Taken(Shown):
    """So many persons would go there."""

    organisation: str
    service: str
    persons: int


class Count(Shown):
    """In persons. placed: with a place for all they need; families: of two and more."""

    persons: int
    placed: int
    unplaced: int
    families: int
    families_parted: int
    organisations: list[Taken]


class KeptWish(Shown):
    """A person, a service and an organisation."""

    case: str
    service: str
    organisation: str


class KeptWishes(Shown):
    """What a human wants, around which the plan is made. parted: families that may go apart."""

    pinned: list[KeptWish]
    forbidden: list[KeptWish]
    parted: list[str]


class Proposal(Shown):
    """state: `gathering` (no plan yet), `planned` (nobody is asked yet) or `sent`.

    case, family: as your feed calls the one, and a name of the same kind for the other.
    """

    state: str
    age_minutes: int
    totals: Count
    wishes: KeptWishes
    placed: list[Placement]
    unplaced: list[Left]


def proposal_of(found: Gathering, name: Name, language: str) -> Proposal:
    """The plan of an incident in words."""
    plan = found.plan or {"placed": [], "unplaced": []}
    placed = [_named(line, name) | _said(why_placed(line, language)) for line in plan["placed"]]
    left = [_named(line, name) | _said(why_left(line, language)) for line in plan["unplaced"]]
    return Proposal(
        state=found.state,
        age_minutes=found.age_minutes,
        totals=_count(plan),
        wishes=_wanted(found.wishes, name),
        placed=[Placement.model_validate(one) for one in placed],
        unplaced=[Left.model_validate(one) for one in left],
    )


def _named(line: dict[str, Any], name: Name) -> dict[str, Any]:
    family = line["family"]
    return line | {
        "case": name(UUID(line["member"])),
        "family": None if family is None else name(UUID(family)),
    }


def _said(reasons: Any) -> dict[str, Any]:
    return {"reasons": [Reason.of(one) for one in reasons]}


def _count(plan: dict[str, Any]) -> Count:
    counted = count_plan(plan)
    return Count(
        persons=counted.persons,
        placed=counted.placed,
        unplaced=counted.unplaced,
        families=counted.families,
        families_parted=counted.parted,
        organisations=[
            Taken(organisation=code, service=service, persons=number)
            for (code, service), number in counted.taken.items()
        ],
    )


def _wanted(wishes: dict[str, Any], name: Name) -> KeptWishes:
    def shown(kept: list[list[str]]) -> list[KeptWish]:
        return [
            KeptWish(case=name(UUID(member)), service=service, organisation=organisation)
            for member, service, organisation in kept
        ]

    return KeptWishes(
        pinned=shown(wishes.get("pinned", [])),
        forbidden=shown(wishes.get("forbidden", [])),
        parted=[name(UUID(family)) for family in wishes.get("parted", [])],
    )
