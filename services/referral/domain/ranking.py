"""Who is asked for a service: those that may be asked at all, nearest first."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The coarse profile, as far as it matters who is asked."""

    sex: str
    age_band: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """To whom a service is given; ages in whole years, both ends included; empty: to all."""

    sexes: frozenset[str] = frozenset()
    age_min: int | None = None
    age_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An organisation of the directory."""

    code: str
    kind: str
    region: str
    zones: frozenset[str]
    services: Mapping[str, Limits]
    is_suspended: bool = False


def rank(
    organisations: Iterable[Candidate],
    *,
    service: str,
    person: Person,
    asked: Collection[str],
    may_be_told: Callable[[Candidate], bool],
) -> list[Candidate]:
    """Those to ask, best first: home region, then served region, then nationwide; then by code.

    asked: the owner and whoever was asked for this service before. may_be_told: whether anything
    carries an offer to this organisation; where nothing does it is no candidate.
    """
    fitting = [
        one
        for one in organisations
        if one.code not in asked
        and not one.is_suspended
        and service in one.services
        and (EVERYWHERE in one.zones or person.region in one.zones)
        and fits(one.services[service], person)
        and may_be_told(one)
    ]
    return sorted(fitting, key=lambda one: (_distance(one, person.region), one.code))


def fits(limits: Limits, person: Person) -> bool:
    """True when nothing we know, or do not know, speaks against it."""
    if limits.sexes and person.sex not in limits.sexes:
        return False
    if limits.age_min is None and limits.age_max is None:
        return True
    ages = ages_of(person.age_band)
    if ages is None:
        return False
    youngest, oldest = ages
    return (limits.age_min is None or youngest >= limits.age_min) and (
        limits.age_max is None or oldest <= limits.age_max
    )


def ages_of(band: str) -> tuple[int, int] | None:
    """(youngest, oldest) in years of a band like `9-11` or `60+`; None when it is not known."""
    low, dash, high = band.partition("-")
    if dash:
        return int(low), int(high)
    return (int(band[:-1]), 120) if band.endswith("+") else None


def _distance(one: Candidate, region: str) -> int:
    if one.region == region:
        return 0
    return 2 if EVERYWHERE in one.zones else 1
