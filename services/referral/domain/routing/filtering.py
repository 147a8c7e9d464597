"""Who cannot be asked, and why: the first reason that holds, in the order in which people ask."""

from collections.abc import Mapping
from datetime import timedelta

from services.referral.domain.routing.organisations import (
    EVERYWHERE,
    PART,
    Candidate,
    Directory,
    Limits,
)
from services.referral.domain.routing.reasons import Reason, because
from services.referral.domain.routing.rules import banned
from services.referral.domain.routing.situation import Need, Person, Situation
from services.referral.domain.routing.view import Telling, View


def exclusion(view: View, one: Candidate, asked: Mapping[str, str]) -> Reason | None:
    """Why this organisation, which serves the place, is not asked; None where it may be.

    asked: the state of what each organisation was asked for this before.
    """
    case, need = view.case, view.need
    return (
        _refused_so_far(one, case, asked)
        or unfit(one.services[need.service], case)
        or banned(case, one, need)
        or _untold(one, need, view.telling)
        or _full(one, need, view.directory)
    )


def unfit(limits: Limits, person: Person) -> Reason | None:
    """Why a service is not given to such a person; what is not known speaks against it."""
    if limits.sexes and person.sex not in limits.sexes:
        return because("sex", sexes=limits.sexes)
    if (why := _unfit_age(limits, person)) is not None:
        return why
    if limits.citizenship and not limits.citizenship & person.citizenship:
        return because("citizenship", citizenship=limits.citizenship)
    if limits.exploitation and not limits.exploitation & person.exploitation:
        return because("exploitation", exploitation=limits.exploitation)
    return None


def near(directory: Directory, case: Situation, service: str) -> list[Candidate]:
    """Those who give the service where the person is.

    Where her cercle is not known, also those who serve a part of her region.
    """
    zones = {EVERYWHERE, case.region, case.cercle or f"{case.region}{PART}"}
    found = {one.code: one for zone in zones for one in directory.by_place.get((service, zone), ())}
    return list(found.values())


def outside(case: Situation) -> Reason:
    """Why all others who give the service are not asked."""
    return because("area", **_place(case))


def _refused_so_far(one: Candidate, case: Situation, asked: Mapping[str, str]) -> Reason | None:
    if one.code == case.owner:
        return because("owner")
    if one.code in asked:
        return because("asked_before", state=asked[one.code])
    return because("suspended") if one.is_suspended else None


def _unfit_age(limits: Limits, person: Person) -> Reason | None:
    if limits.age_min is None and limits.age_max is None:
        return None
    taken = {"age_min": limits.age_min, "age_max": limits.age_max}
    if person.ages is None:
        return because("age_unknown", **taken)
    youngest, oldest = person.ages
    fits = (limits.age_min is None or youngest >= limits.age_min) and (
        limits.age_max is None or oldest <= limits.age_max
    )
    return None if fits else because("age", **taken)


def _untold(one: Candidate, need: Need, telling: Telling) -> Reason | None:
    if not telling.may_tell(one, need.service):
        return because("no_ground", kind=one.kind)
    if one.kind == "consular" and not telling.names(one, need.service):
        return because("consulate_not_named")
    return None


def _full(one: Candidate, need: Need, directory: Directory) -> Reason | None:
    room = directory.rooms.get((one.code, need.service))
    if room is None or room.left > 0 or not room.is_fresh:
        return None
    return because("no_room", minutes=minutes(room.age))


def minutes(age: timedelta) -> int:
    """In whole minutes, and never in the future."""
    return max(0, int(age.total_seconds() // 60))


def _place(case: Situation) -> dict[str, str]:
    return {"region": case.region} if case.cercle is None else {"cercle": case.cercle}
