"""Who answers at a given moment: posts and the shifts in which they do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Holidays = Collection[date]


@dataclass(frozen=True, slots=True)
class Shift:
    """In Mali's time, which is UTC. Without days: every day. It may end on the day after it begins.

    A shift that ends when it begins lasts a whole day. On a legal holiday the shifts of Sunday are held.
    """

    begins: time
    ends: time
    days: tuple[str, ...] = ()

    def covers(self, at: datetime, holidays: Holidays = frozenset()) -> bool:
        """Whether somebody answers at that moment, which is in UTC."""
        days = (at.date() - timedelta(days=ago) for ago in (0, 1))
        return any(self._is_of(day, holidays) and self._covers(at, since=day) for day in days)

    def _is_of(self, day: date, holidays: Holidays) -> bool:
        name = "sunday" if day in holidays else _DAYS[day.weekday()]
        return not self.days or name in self.days

    def _covers(self, at: datetime, *, since: date) -> bool:
        begins = datetime.combine(since, self.begins, at.tzinfo)
        ends = datetime.combine(since, self.ends, at.tzinfo)
        return begins <= at < (ends if ends > begins else ends + timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Somebody at an organisation, by the cercle where that is; without shifts: at any hour."""

    cercle: str
    phone: str | None
    email: str | None
    shifts: tuple[Shift, ...] = ()

    @property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """(medium, address), the quickest first."""
        ways = (("sms", self.phone), ("email", self.email))
        return tuple((medium, address) for medium, address in ways if address is not None)

    def answers(self, at: datetime, holidays: Holidays = frozenset()) -> bool:
        """Whether it is on duty."""
        return not self.shifts or any(shift.covers(at, holidays) for shift in self.shifts)


def addresses(
    posts: Sequence[Post], *, at: datetime, near: str | None, holidays: Holidays = frozenset()
) -> list[tuple[str, str]]:
    """(medium, address) to try one after the other: on duty first, then the nearest.

    near: the cercle or region where the person is, if that is known. holidays: at least those of
    that day and of the day before.
    """

    def place(post: Post) -> tuple[bool, int]:
        return not post.answers(at, holidays), _distance(post.cercle, near)

    ordered = sorted(posts, key=place)
    return list(dict.fromkeys(way for post in ordered for way in post.addresses))


def _distance(cercle: str, near: str | None) -> int:
    if near is None or cercle == near:
        return 0
    return 1 if cercle[:2] == near[:2] else 2
