"""Organisations as routing sees them: what each gives, to whom, where, and how it has answered."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

EVERYWHERE = "*"
#: Behind a region: some part of it.
PART = "/"
#: How long a count of places is taken at its word.
FRESH_FOR = timedelta(hours=24)
#: Of so many offers at least is an organisation's record judged.
JUDGED_FROM = 4
_SUNDAY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One service that is given, and to whom; ages in whole years, both ends included.

    What is empty or None limits nothing. answers_within: how soon an answer is promised.
    """

    sexes: frozenset[str] = frozenset()
    age_min: int | None = None
    age_max: int | None = None
    citizenship: frozenset[str] = frozenset()
    exploitation: frozenset[str] = frozenset()
    answers_within: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """When a post is answered. days: 0 is Monday, none for every day; moments are Mali's, and UTC's.

    It begins on such a day; where `ends` is not after `begins` it ends on the next. On a legal
    holiday the shifts of Sunday are held.
    """

    begins: time
    ends: time
    days: frozenset[int] = frozenset()

    def meets(
        self, since: datetime, until: datetime, *, holidays: Collection[date] = frozenset()
    ) -> bool:
        """Whether the post is answered at some moment of this stretch."""
        day = since.date() - timedelta(days=1)
        while day <= until.date():
            weekday = _SUNDAY if day in holidays else day.weekday()
            if not self.days or weekday in self.days:
                begin = datetime.combine(day, self.begins, since.tzinfo)
                end = datetime.combine(day, self.ends, since.tzinfo)
                if self.ends <= self.begins:
                    end += timedelta(days=1)
                if begin <= until and end > since:
                    return True
            day += timedelta(days=1)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A place where an organisation is, by its cercle."""

    name: str
    cercle: str

    @property
    def region(self) -> str:
        """The CT it lies in."""
        return self.cercle[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An organisation of the directory. zones: regions and cercles, or everywhere.

    shifts: when any of its posts is answered; None where that is at every hour, or not known.
    """

    code: str
    kind: str
    units: tuple[Unit, ...]
    zones: frozenset[str]
    services: Mapping[str, Limits]
    languages: frozenset[str] = frozenset()
    shifts: tuple[Shift, ...] | None = None
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """How many it can still take, by a count that is so old."""

    left: int
    age: timedelta

    @property
    def is_fresh(self) -> bool:
        """Whether the count is taken at its word."""
        return self.age <= FRESH_FOR


@dataclass(frozen=True, slots=True)
class Record:
    """Of its last offers so many were answered in time."""

    in_time: int
    of: int

    @property
    def is_poor(self) -> bool:
        """Whether it leaves more than half of what it is asked without an answer in time."""
        return self.of >= JUDGED_FROM and 2 * self.in_time < self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Everybody who may be asked, looked up by what they give and where.

    by_place: by (service, zone); a cercle is also found as a part of its region. rooms: by
    (organisation, service), where places are counted. records: by organisation. holidays: the days
    off that were declared, beside those of the law.
    """

    by_code: Mapping[str, Candidate] = field(default_factory=dict)
    by_service: Mapping[str, frozenset[str]] = field(default_factory=dict)
    by_place: Mapping[tuple[str, str], tuple[Candidate, ...]] = field(default_factory=dict)
    rooms: Mapping[tuple[str, str], Room] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    @classmethod
    def of(
        cls,
        organisations: Iterable[Candidate],
        *,
        rooms: Mapping[tuple[str, str], Room] | None = None,
        records: Mapping[str, Record] | None = None,
        holidays: frozenset[date] = frozenset(),
    ) -> "Directory":
        """These organisations, with what is known of their room and their answers."""
        by_code = {one.code: one for one in organisations}
        by_service: defaultdict[str, set[str]] = defaultdict(set)
        by_place: defaultdict[tuple[str, str], list[Candidate]] = defaultdict(list)
        for one in by_code.values():
            zones = {*one.zones, *(f"{zone[:2]}{PART}" for zone in one.zones if len(zone) > 2)}
            for service in one.services:
                by_service[service].add(one.code)
                for zone in zones:
                    by_place[service, zone].append(one)
        return cls(
            by_code=by_code,
            by_service={service: frozenset(codes) for service, codes in by_service.items()},
            by_place={place: tuple(those) for place, those in by_place.items()},
            rooms=rooms or {},
            records=records or {},
            holidays=holidays,
        )
