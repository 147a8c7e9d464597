"""What a human wants of a plan, said by the names that its owner knows, found among its persons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.placement import Plan, WishRefused
from services.referral.store import groups, referrals
from services.referral.store.groups import Gathering
from services.referral.use_cases.announcing import Announcer
from services.referral.use_cases.placing import Solver
from services.referral.use_cases.planning import Draft, check_waiting, draft_plan, solved


@dataclass(frozen=True, slots=True)
class Wish:
    """case: by the name that the owner's feed has for it."""

    case: str
    service: str
    organisation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that is wanted; what an earlier plan was made around and is not here is wanted no more."""

    pinned: Sequence[Wish] = ()
    forbidden: Sequence[Wish] = ()
    parted: Sequence[str] = ()


class Unheard(Exception):
    """A wish that cannot be kept: `field` of `Wanted`, `at` which place, and the rule it breaks."""

    def __init__(self, field: str, at: int, *, part: str, rule: str):
        super().__init__(rule)
        self.field, self.at, self.part, self.rule = field, at, part, rule


async def wish(
    connection: AsyncConnection,
    seen: Gathering,
    wanted: Wanted,
    *,
    name: Callable[[UUID], str],
    announcer: Announcer,
) -> Draft:
    """What is to be solved for this. Raises `NoPlanWaits`, `PlannedMeanwhile`, `Unheard`."""
    await check_waiting(connection, seen)
    joined = await groups.cases(connection, seen.incident_id)
    known = await referrals.known_cases(connection, [one.case_id for one in joined])
    families = {one.facts.get("family_id") for one in known.values()} - {None}
    finder = _Finder(
        members={name(id): str(id) for id in known},
        families={name(UUID(str(one))): str(one) for one in families},
        organisations=announcer.directory.by_code,
    )
    kept = finder.kept(wanted)
    return await draft_plan(connection, seen.incident_id, kept, announcer=announcer)


def solved_as_wished(draft: Draft, *, solver: Solver) -> Plan:
    """As `solved`. Raises `Unheard`."""
    try:
        return solved(draft, solver=solver)
    except WishRefused as refused:
        at = _pin_of(refused, draft.wishes["pinned"])
        rule = "not_in_plan" if refused.rule is None else refused.rule.value
        raise Unheard("pinned", at, part="organisation", rule=rule) from None


def _pin_of(refused: WishRefused, pinned: Sequence[Sequence[str]]) -> int:
    """Her own; or one that sends another of her family there."""
    own = [refused.member, refused.service]
    there = [refused.service, refused.organisation]
    found = [at for at, pin in enumerate(pinned) if pin[:2] == own]
    return (found or [at for at, pin in enumerate(pinned) if pin[1:] == there])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finder:
    """members, families: what is meant by a name."""

    members: Mapping[str, str]
    families: Mapping[str, str]
    organisations: Mapping[str, object]

    def kept(self, wanted: Wanted) -> dict[str, Any]:
        """As `planning.wishes_of` reads it. Raises `Unheard`."""
        pinned = self._found("pinned", wanted.pinned)
        seen: set[tuple[str, str]] = set()
        for at, (member, service, _) in enumerate(pinned):
            if (member, service) in seen:
                raise Unheard("pinned", at, part="case", rule="twice")
            seen.add((member, service))
        for at, family in enumerate(wanted.parted):
            if family not in self.families:
                raise Unheard("parted", at, part="", rule="unknown")
        return {
            "pinned": pinned,
            "forbidden": self._found("forbidden", wanted.forbidden),
            "parted": [self.families[one] for one in wanted.parted],
        }

    def _found(self, field: str, wishes: Sequence[Wish]) -> list[list[str]]:
        for at, one in enumerate(wishes):
            if one.case not in self.members:
                raise Unheard(field, at, part="case", rule="unknown")
            if one.organisation not in self.organisations:
                raise Unheard(field, at, part="organisation", rule="unknown")
        return [[self.members[one.case], one.service, one.organisation] for one in wishes]
