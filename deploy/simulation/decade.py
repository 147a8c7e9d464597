"""All that is said in the synthetic years, in the order in which it is recorded."""

import heapq
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Final

from contracts.directory import DirectoryEntry
from contracts.event import Message
from contracts.intake import CaseErased, CaseMerged, CaseRegistered, CaseUnmerged
from contracts.vocabulary import territories
from deploy.simulation import endings, rates
from deploy.simulation.files import open_file
from deploy.simulation.life import Life, opaque
from deploy.simulation.people import draw_person
from deploy.simulation.roads import Need
from deploy.simulation.sessions import hold_session
from services.reporting.use_cases import Happened

#: No stream of a platform is called so: how far each of those was counted stays true.
STREAM: Final = "SIMULATED"
#: A network of swindlers holds hundreds (domain §1.3), who are found on one day.
_CROWDS: Final = (120, 300, 477)
_RECENT: Final = 500
#: Who talks to people, and trains those who must see.
_ORGANISERS: Final = ("ngo_rights", "committee_local", "committee")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is invented: cases found in the years from `first` to `last`, both included."""

    first: int
    last: int
    cases: int
    seed: int
    directory: Sequence[DirectoryEntry]


@dataclass(slots=True)
class _World:
    """What one life needs to know of the others."""

    chance: Random
    plan: Plan
    owner_in: dict[str, str]
    police_in: dict[str, str]
    organisers: Sequence[str]
    # Cases that were not merged, of which one that is merged into stays as it is.
    recent: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_RECENT))


def a_decade(plan: Plan) -> Iterator[Happened]:
    """Each event once, by its moment; the same plan gives the same events.

    What was recorded later than three months after the last year is left out: nobody has heard it.
    """
    chance = Random(plan.seed)  # noqa: S311 - a plan can be made again
    owners, police = _in_regions(plan, "social"), _in_regions(plan, "police")
    organisers = [one.code for one in plan.directory if one.kind in _ORGANISERS]
    world = _World(chance, plan, owners, police, organisers)
    waiting: list[tuple[datetime, int, str, Message]] = []
    order, place, numbers = count(), count(1), Counter[str]()
    for day in (*_days(chance, plan), end := date(plan.last + 1, 4, 1)):
        moment = datetime.combine(day, datetime.min.time(), UTC)
        while waiting and waiting[0][0] < moment:
            yield _happened(heapq.heappop(waiting), chance, place=next(place), numbers=numbers)
        for at, subject, message in _life(world, day) if day < end else ():
            heapq.heappush(waiting, (at, next(order), subject, message))


def _days(chance: Random, plan: Plan) -> list[date]:
    """On which day each person was found."""
    years = rates.Weighted(
        {year: rates.GROWTH ** (year - plan.first) for year in range(plan.first, plan.last + 1)}
    )
    found: list[date] = []
    while len(found) < plan.cases:
        day = date(years.draw(chance), rates.MONTHS.draw(chance), chance.randint(1, 28))
        crowd = chance.choice(_CROWDS) if chance.random() < 0.0002 else 1
        found += [day] * min(crowd, plan.cases - len(found))
    return sorted(found)


def _life(world: _World, day: date) -> list[tuple[datetime, str, Message]]:
    chance = world.chance
    case = draw_person(chance, day, owner_in=world.owner_in)
    late = timedelta(days=rates.DAYS_TO_RECORD.draw(chance), minutes=chance.randint(1, 1439))
    registered = datetime.combine(case.registered_on, datetime.min.time(), UTC) + late
    life = Life(chance, str(opaque(chance)), registered)
    life.say(case, at=registered)
    for need in case.needs:
        Need(life, case, need).ask_around(world.plan.directory)
    if case.offence_class != "migrant_smuggling" and chance.random() < rates.FILES:
        open_file(life, case, world.police_in[case.region or "00"])
    _end(world, life, case)
    if chance.random() < rates.SESSIONS:
        life.said += hold_session(chance, day, world.organisers).said
    return life.said


def _end(world: _World, life: Life, case: CaseRegistered) -> None:
    """Found to be somebody who is known already, taken apart again, erased, cared for no more."""
    owner, chance = case.owner, world.chance
    if world.recent and chance.random() < rates.MERGED:
        into, owner_there = chance.choice(world.recent)
        at = life.after(life.at, hours=24 * 30)
        merged = CaseMerged.model_validate(
            {"into": into, "owner": owner_there, "merged_on": at.date()}
        )
        life.say(merged, at=at)
        if chance.random() < rates.UNMERGED:
            at = life.after(at, hours=24 * 30)
            apart = {"out_of": into, "owner": owner, "unmerged_on": at.date()}
            life.say(CaseUnmerged.model_validate(apart), at=at)
        return
    reason = rates.ERASURES.draw(chance)
    if reason is None:
        world.recent.append((life.subject, owner))
        endings.follow_up(life, case)
        endings.close(life, case)
        return
    at = life.after(life.at, hours=24 * 90)
    erased = CaseErased(
        reason=reason, organisation=owner, confirmed_by="CNLTPPA", erased_on=at.date()
    )
    life.say(erased, at=at)


def _in_regions(plan: Plan, kind: str) -> dict[str, str]:
    """By region, the first organisation of a kind that serves it, or else the first there is."""
    kinds = [one for one in plan.directory if one.kind == kind]
    found = {}
    for ct in (one.ct for one in territories()):
        serving = [one for one in kinds if {ct, "*"} & {*one.served_regions}]
        found[ct] = (serving or kinds)[0].code
    return found


def _happened(
    said: tuple[datetime, int, str, Message], chance: Random, *, place: int, numbers: Counter[str]
) -> Happened:
    at, _, subject, message = said
    numbers[subject] += 1
    return Happened(
        event=message,
        event_id=opaque(chance),
        subject=subject,
        case_sequence=numbers[subject],
        stream=STREAM,
        stream_sequence=place,
        recorded_at=at,
    )
