"""What an edition is, and the groups of things that its cells and those of earlier ones are sums of."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Final, Literal, get_args

from services.reporting.domain.disclosure import INTERNAL_K, PUBLIC_K, Cell, Groups
from services.reporting.domain.window import BadWindow, Window, read_window

Audience = Literal["public", "internal"]
#: The smallest number that each may see (reference/trust.md §5).
K: Final[Mapping[Audience, int]] = {"public": PUBLIC_K, "internal": INTERNAL_K}
#: By the name of a cell, the ids of what counts in it.
Counts = Mapping[str, frozenset[str]]
#: By thing, the group it was in after each release; the last is the finest.
Trails = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One release of all tables over a window, for those who may see numbers from k on."""

    audience: Audience
    window: Window

    @property
    def name(self) -> str:
        """What the register calls it; two editions with one name have the same numbers."""
        return f"{self.series}/{self.window.as_of.isoformat()}"

    @property
    def series(self) -> str:
        """What it shares with the editions of the same days, of which a later one corrects it."""
        return f"annual/{self.audience}/{self.window.start}/{self.window.end}"

    @property
    def k(self) -> int:
        """The least that is shown."""
        return K[self.audience]

    def is_read_beside(self, other: "Edition") -> bool:
        """Whether the same things may be counted in both, and its readers have seen the other."""
        meet = self.window.start < other.window.end and other.window.start < self.window.end
        # Who reads inside has read what is public as well; the public has not been inside.
        return meet and other.audience in ("public", self.audience)


def edition_asked(asked: Mapping[str, str], *, audience: Audience, now: datetime) -> Edition:
    """The edition that `from`, `to` and `as_of` ask for. Raises `BadWindow`.

    Without `as_of` it is the last midnight: what is recorded has been counted by then, and whoever
    asks twice on one day asks for the same edition.
    """
    midnight = datetime.combine(now.date(), time.min, UTC).isoformat()
    return Edition(audience=audience, window=read_window({"as_of": midnight, **asked}, now=now))


def year_asked(year: int, as_of: str | None, *, audience: Audience, now: datetime) -> Edition:
    """The edition of a calendar year that has begun. Raises `BadWindow`."""
    if year > now.year:
        raise BadWindow("year", "year_that_has_begun")
    days = {"from": f"{year}-01-01", "to": f"{year + 1}-01-01"}
    moment = {"as_of": as_of} if as_of else {}
    return edition_asked(days | moment, audience=audience, now=now)


def read_edition(name: str) -> Edition | None:
    """The edition that the register calls so; None for a release of another kind."""
    parts = name.split("/")
    if len(parts) != 5 or parts[0] != "annual" or parts[1] not in get_args(Audience):
        return None
    window = Window(
        start=date.fromisoformat(parts[2]),
        end=date.fromisoformat(parts[3]),
        as_of=datetime.fromisoformat(parts[4]),
    )
    return Edition(audience="public" if parts[1] == "public" else "internal", window=window)


def trails_of(releases: Sequence[Counts]) -> Trails:
    """Things in the same cells of every release so far are one group: nobody can part them.

    releases: what each counted, in the order in which they came out.
    """
    known: dict[str, tuple[str, ...]] = {
        thing: () for counts in releases for things in counts.values() for thing in things
    }
    for counts in releases:
        names: defaultdict[str, list[str]] = defaultdict(list)
        for name in sorted(counts):
            for thing in counts[name]:
                names[thing].append(name)
        known = {
            thing: (*trail, _group(trail[-1:], names.get(thing, ())))
            for thing, trail in known.items()
        }
    return known


def cells_of(counts: Counts, trails: Trails) -> tuple[Cell, ...]:
    """The cells of the newest release, as sums over the finest groups."""
    return tuple(
        Cell(
            name=name,
            groups=frozenset(trails[thing][-1] for thing in things),
            value=len(things),
        )
        for name, things in sorted(counts.items())
    )


def refined(groups: Groups, trails: Trails, *, nth: int) -> Groups:
    """What the nth release called so, in the groups of the newest."""
    return frozenset(trail[-1] for trail in trails.values() if trail[nth] in groups)


def _group(before: Sequence[str], names: Sequence[str]) -> str:
    return sha256("\n".join((*before, *names)).encode()).hexdigest()[:16]
