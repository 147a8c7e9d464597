"""Who answers at a given moment: posts and the shifts in which they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Shift:
    """In Mali's time, which is UTC. Without days: every day. It may end on the day after it begins.

    A shift that ends when it begins lasts a whole day.
    """

    begins: time
    ends: time
    days: tuple[str, ...] = ()

    def covers(self, at: datetime) -> bool:
        """Whether somebody answers at that moment, which is in UTC."""
        return any(self._covers(at, since=at.date() - timedelta(days=ago)) for ago in (0, 1))

    def _covers(self, at: datetime, *, since: date) -> bool:
        if self.days and _DAYS[since.weekday()] not in self.days:
            return False
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

    def answers(self, at: datetime) -> bool:
        """Whether it is on duty."""
        return not self.shifts or any(shift.covers(at) for shift in self.shifts)


def addresses(posts: Sequence[Post], *, at: datetime, near: str | None) -> list[tuple[str, str]]:
    """(medium, address) to try one after the other: on duty first, then the nearest.

    near: the cercle or region where the person is, if that is known.
    """
    ordered = sorted(posts, key=lambda post: (not post.answers(at), _distance(post.cercle, near)))
    return list(dict.fromkeys(way for post in ordered for way in post.addresses))


def _distance(cercle: str, near: str | None) -> int:
    if near is None or cercle == near:
        return 0
    return 1 if cercle[:2] == near[:2] else 2
