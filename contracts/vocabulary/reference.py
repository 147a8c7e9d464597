"""What the law knew on a given day: offences, courts and legal holidays, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, lru_cache

from contracts.vocabulary.tables import table

LISTS = ("offences", "courts", "holidays")
#: The field of a report whose codes a list dates → the list.
DATED: Mapping[str, str] = {"offence_class": "offences", "court": "courts"}
#: An offence of no law that the list holds: it is never out of date.
ANY_OTHER = "other"


class UnknownReference(LookupError):
    """No such list of reference data is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a list. valid_from, valid_to: both included; None where no bound is known.

    about: what only its own list has, by column: law and article, court and cercle, or day.
    ends_pending: a court which after its last day may still have ended what was before it.
    """

    code: str
    fr: str
    en: str
    valid_from: date | None
    valid_to: date | None
    source: str
    note: str
    about: Mapping[str, str] = field(default_factory=dict)
    ends_pending: bool = False

    def is_valid(self, on: date) -> bool:
        """Whether it was law on that day."""
        return (self.valid_from or on) <= on <= (self.valid_to or on)


@cache
def rows(list_name: str) -> tuple[Row, ...]:
    """All lines of `offences`, `courts` or `holidays`, in the order of the file.

    Raises UnknownReference, or ValueError for a day that is none.
    """
    if list_name not in LISTS:
        raise UnknownReference(f"no list of reference data is called so: {', '.join(LISTS)}")
    return tuple(_row(line) for line in table(f"{list_name}.csv"))


def valid(list_name: str, on: date) -> tuple[Row, ...]:
    """The lines that were law on a day; of the holidays those that fall on it. Raises like `rows`."""
    found = tuple(row for row in rows(list_name) if row.is_valid(on))
    if list_name != "holidays":
        return found
    return tuple(row for row in found if day_of(row, on.year) == on)


def out_of_force(said: Mapping[str, str | None], on: date, *, ends: bool = False) -> str | None:
    """The first field of a report whose code no law knew on that day; None where all are known.

    ends: what is reported ends a trial, for which a court that is no more may still have sat.
    """
    for name, list_name in DATED.items():
        code = said.get(name)
        if code in (None, ANY_OTHER):
            continue
        known = [row for row in rows(list_name) if row.is_valid(on) or (ends and row.ends_pending)]
        if not any(row.about[name] == code for row in known):
            return name
    return None


@lru_cache(maxsize=4096)
def is_holiday(on: date) -> bool:
    """Whether it is a legal holiday by the rows we hold: a movable feast only where it is dated."""
    return bool(valid("holidays", on))


@lru_cache(maxsize=256)  # the same days are asked for all day long
def holidays_between(first: date, last: date) -> frozenset[date]:
    """The legal holidays from the first day to the last, both included."""
    days = ((first + timedelta(days=n)) for n in range((last - first).days + 1))
    return frozenset(day for day in days if is_holiday(day))


def day_of(holiday: Row, year: int) -> date | None:
    """When a holiday falls in a year; None where it is another year's. Raises ValueError."""
    rule = holiday.about["day"]
    if rule.startswith("easter+"):
        return _easter(year) + timedelta(days=int(rule.removeprefix("easter+")))
    if rule.count("-") == 1:
        return date.fromisoformat(f"{year:04}-{rule}")
    day = date.fromisoformat(rule)
    return day if day.year == year else None


def _row(line: dict[str, str]) -> Row:
    shared = {name: line.pop(name) for name in ("code", "fr", "en", "source", "note")}
    begins, ends = line.pop("valid_from"), line.pop("valid_to")
    return Row(
        **shared,
        ends_pending=line.pop("ends_pending", "") == "yes",
        valid_from=date.fromisoformat(begins) if begins else None,
        valid_to=date.fromisoformat(ends) if ends else None,
        about=line,
    )


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by Oudin's form of the church's rule (1940)."""
    golden, century = year % 19, year // 100
    moon = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    full = moon - (moon // 28) * (1 - (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + full + 2 - century + century // 4) % 7
    days = full - weekday
    month = 3 + (days + 40) // 44
    return date(year, month, days + 28 - 31 * (month // 4))
