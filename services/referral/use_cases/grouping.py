"""Filling the group of an incident: its persons and the places there are, as routing sees both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.intake import CaseRegistered
from services.referral.domain.placement import Group, House, Member, Offer, Wishes
from services.referral.domain.routing import PART, URGENCIES, Candidate, Directory, Room, Situation
from services.referral.store import groups, places, referrals
from services.referral.store.groups import Joined
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import Asking, Offers

#: Reasons of routing for which an organisation may not be told.
UNTOLD = frozenset({"no_ground", "consulate_not_named"})
#: Those that placement judges by itself; for any other an organisation counts as refused.
JUDGED = frozenset(
    {"area", "sex", "age", "age_unknown", "citizenship", "exploitation", "too_near", "no_room"}
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found of an incident in one transaction."""

    askings: Mapping[UUID, Asking]
    joined: Sequence[Joined]
    directory: Directory

    @property
    def urgency(self) -> str:
        """The most urgent one's; the least there is where nobody waits."""
        waiting = (self.askings[one.case_id] for one in self.joined if one.services)
        urgencies = [str(one.case.facts["urgency"]) for one in waiting]
        return min(urgencies, key=URGENCIES.index, default=URGENCIES[-1])


async def gather(
    connection: AsyncConnection, incident_id: UUID, *, announcer: Announcer, offers: Offers
) -> Gathered:
    """Everybody who waits, with the places left as this transaction sees them."""
    joined = await groups.cases(connection, incident_id)
    ids = [one.case_id for one in joined]
    known = await referrals.known_cases(connection, ids, is_asking=True)
    directory = replace(announcer.directory, rooms=await places.rooms(connection))
    announcer = replace(announcer, directory=directory)
    askings = {
        id: Asking(case, announcer=announcer, cause=Cause(), offers=offers)
        for id, case in known.items()
    }
    return Gathered(askings, joined, directory)


async def is_unchanged(connection: AsyncConnection, incident_id: UUID, before: Gathered) -> bool:
    """Whether who belongs to it, and what is known of each, is as it was; it stays so from now on."""
    joined = await groups.cases(connection, incident_id)
    ids = [one.case_id for one in joined]
    known = await referrals.known_cases(connection, ids, is_asking=True)
    return joined == before.joined and known == {id: a.case for id, a in before.askings.items()}


def group_of(gathered: Gathered, wishes: Wishes) -> Group:
    """The problem of placing them. Arithmetic: on a thread, where a loop must go on."""
    services = sorted({service for one in gathered.joined for service in one.services})
    waiting = [one for one in gathered.joined if one.services]
    facts = {id: _facts(one) for id, one in gathered.askings.items()}
    families = {facts[one.case_id].family_id for one in waiting} - {None}
    members = [
        _member(gathered.askings[one.case_id], one, services=services, directory=gathered.directory)
        for one in gathered.joined
        if one.services or _goes_along(facts[one.case_id], families)
    ]
    found = [
        one
        for code, one in sorted(gathered.directory.by_code.items())
        if not one.is_suspended and not one.services.keys().isdisjoint(services)
    ]
    houses = [
        _house(one, services, rooms=gathered.directory.rooms, crowd=len(members)) for one in found
    ]
    return Group(members=tuple(members), houses=tuple(houses), wishes=wishes)


def _facts(asking: Asking) -> CaseRegistered:
    return CaseRegistered.model_validate(asking.case.facts)


def _goes_along(facts: CaseRegistered, families: Iterable[UUID | None]) -> bool:
    """Where her family sleeps she sleeps, though for her nobody ticked it."""
    return (
        facts.family_id in families
        and facts.urgency not in (None, "vital_1h")
        and bool(facts.region)
    )


def _member(
    asking: Asking, joined: Joined, *, services: Sequence[str], directory: Directory
) -> Member:
    facts, person = _facts(asking), asking.situation
    assert person is not None  # noqa: S101 - without a place nobody waits or goes along
    told, refused = _reach(asking, services, directory=directory)
    return Member(
        key=str(joined.case_id),
        person=person,
        cercle=person.cercle,
        needs=joined.services,
        urgency=person.urgency,
        is_at_high_risk=_is_hunted(person),
        danger=person.cercle,
        languages=person.languages,
        family=None if facts.family_id is None else str(facts.family_id),
        is_suspected=facts.is_suspect_too,
        refused=refused,
        told=told,
    )


def _is_hunted(person: Situation) -> bool:
    """As `away_from_danger` of routing has it."""
    return person.risk == "high" or "descent_based_slavery" in person.exploitation


def _reach(
    asking: Asking, services: Sequence[str], *, directory: Directory
) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """Whom routing would tell of whom for which service, and whom it would not ask for reasons of its own."""
    told: set[tuple[str, str]] = set()
    refused: set[str] = set()
    for service in services:
        why = asking.excluded(asking.need_of(service, str(asking.case.facts["urgency"])))
        giving = directory.by_service.get(service, frozenset())
        told |= {(code, service) for code in giving if why.get(code) not in UNTOLD}
        refused |= {code for code, reason in why.items() if reason not in UNTOLD | JUDGED}
    return frozenset(told), frozenset(refused)


def _house(
    one: Candidate, services: Sequence[str], *, rooms: Mapping[tuple[str, str], Room], crowd: int
) -> House:
    offers = {}
    for service in services:
        if service in one.services:
            room = rooms.get((one.code, service))
            left = crowd if room is None else room.left
            offers[service] = Offer(left=left, limits=one.services[service])
    unit = one.units[0]
    parts = {f"{zone[:2]}{PART}" for zone in one.zones if len(zone) > 2}
    return House(
        code=one.code,
        region=unit.region,
        cercle=unit.cercle,
        zones=frozenset({*one.zones, *parts}),
        languages=one.languages,
        offers=offers,
    )
