"""What routing may know of a person and of where she is: coded facts, and no more."""

from dataclasses import dataclass
from functools import cache
from typing import Final

HOME: Final = "MLI"
#: Soonest first.
URGENCIES: Final = ("vital_1h", "emergency_24h", "urgent_72h", "normal_14d")
HOURS: Final = {"vital_1h": 1, "emergency_24h": 24, "urgent_72h": 72, "normal_14d": 14 * 24}
CHILD_BANDS: Final = frozenset({"0-4", "5-8", "9-11", "12-14", "15-17"})
#: Slavery and what the Penal Code of 2024 puts beside it (art. 324-11 to 324-15).
SLAVERY: Final = frozenset(
    {
        "descent_based_slavery",
        "other_slavery",
        "serfdom",
        "pawning",
        "debt_bondage",
        "sexual_slavery",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The coarse profile, as far as it matters who is asked. region: the CT of where she is."""

    sex: str
    age_band: str
    region: str
    citizenship: frozenset[str] = frozenset()
    exploitation: frozenset[str] = frozenset()

    @property
    def is_child(self) -> bool:
        """Whether the rules for children apply."""
        return self.age_band in CHILD_BANDS

    @property
    def ages(self) -> tuple[int, int] | None:
        """The youngest and oldest she may be, in years; None when nothing is known."""
        return ages_of(self.age_band)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation(Person):
    """One case as the rules ask about it. neighbours: the regions around the person's.

    languages: in which she can be spoken with, as far as it is known.
    """

    owner: str
    owner_kind: str
    urgency: str
    cercle: str | None = None
    neighbours: frozenset[str] = frozenset()
    offence_class: str = "trafficking"
    risk: str = "medium"
    needs: tuple[str, ...] = ()
    languages: frozenset[str] = frozenset()

    @property
    def is_foreign(self) -> bool:
        """Whether another state may ask for the person, and hers is not known to be ours."""
        return bool(self.citizenship) and HOME not in self.citizenship

    @property
    def is_slavery(self) -> bool:
        """Whether what was done to the person is an offence of slavery."""
        return self.offence_class == "slavery_practices" or bool(self.exploitation & SLAVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One service to be asked for, how soon, and why: the code of a rule, or `need`."""

    service: str
    urgency: str
    why: str = "need"


@cache
def ages_of(band: str) -> tuple[int, int] | None:
    """(youngest, oldest) in years of a band like `9-11` or `60+`; None when it is not known."""
    low, dash, high = band.partition("-")
    if dash:
        return int(low), int(high)
    return (int(band[:-1]), 120) if band.endswith("+") else None


def sooner(one: str, other: str) -> str:
    """The more urgent of two."""
    return min(one, other, key=URGENCIES.index)
