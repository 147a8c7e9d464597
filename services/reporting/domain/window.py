"""What a figure counts over: a window of days, and the moment up to which events count."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

PARAMETERS = ("from", "to", "as_of")
# The states a referral can be in (design §7); a report shows each, also where it counts none.
STATES = (
    "offered", "received", "accepted", "declined", "overdue", "started", "delivered",
    "not_delivered", "confirmed", "withdrawn",
)  # fmt: skip

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII
)


class BadWindow(Exception):
    """The window cannot be counted over; says which parameter breaks which rule, never its value.

    Rules: `unknown_parameter`; `day` (YYYY-MM-DD); `before_to` (the window holds a day at least);
    `moment_with_offset` (RFC 3339: YYYY-MM-DDThh:mm:ssZ); `calendar_year` (from 1 January to the next).
    """

    def __init__(self, field: str, rule: str):
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days from `start` up to, not including, `end`; only events recorded before `as_of` count."""

    start: date
    end: date
    as_of: datetime

    @property
    def first_moment(self) -> datetime:
        """Where the window begins; days are Mali's, whose time is UTC all year."""
        return datetime.combine(self.start, time.min, UTC)

    @property
    def end_moment(self) -> datetime:
        """The first moment after the window."""
        return datetime.combine(self.end, time.min, UTC)


def read_window(asked: Mapping[str, str], *, now: datetime) -> Window:
    """The window that `from`, `to` and `as_of` ask for. Raises `BadWindow`.

    Without `as_of` it is now, and a later moment counts as now: what has not been recorded yet
    cannot be counted, and the answer would not be the same tomorrow. Without `from` or `to` the
    window begins or ends with the calendar year of `as_of`.
    """
    if not asked.keys() <= set(PARAMETERS):
        raise BadWindow("*", "unknown_parameter")
    as_of = min(now, _moment(asked["as_of"])) if "as_of" in asked else now
    start = _day(asked, "from") or date(as_of.year, 1, 1)
    end = _day(asked, "to") or date(as_of.year + 1, 1, 1)
    if start >= end:
        raise BadWindow("from", "before_to")
    return Window(start=start, end=end, as_of=as_of)


def require_year(window: Window) -> None:
    """Raises `BadWindow` where the window is not one calendar year.

    Two windows that overlap could be taken from each other, and tell of one day and one person.
    """
    if not is_calendar_year(window.start, window.end):
        raise BadWindow("to", "calendar_year")


def is_calendar_year(start: date, end: date) -> bool:
    """From 1 January up to the next; of the last year that has a date there is no next."""
    begins = (start.month, start.day) == (end.month, end.day) == (1, 1)
    return begins and end.year == start.year + 1


def _day(asked: Mapping[str, str], field: str) -> date | None:
    if field not in asked:
        return None
    if _DAY.fullmatch(asked[field]) is None:
        raise BadWindow(field, "day")
    try:
        return date.fromisoformat(asked[field])
    except ValueError:
        raise BadWindow(field, "day") from None


def _moment(given: str) -> datetime:
    if _MOMENT.fullmatch(given) is None:
        raise BadWindow("as_of", "moment_with_offset")
    try:
        return datetime.fromisoformat(given).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadWindow("as_of", "moment_with_offset") from None
