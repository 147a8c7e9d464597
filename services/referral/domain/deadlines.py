"""How long an answer may take, and what happens when none comes (design §7)."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

#: Urgency → the time that an organisation has for its answer.
LIMITS: Final[Mapping[str, timedelta]] = {
    "vital_1h": timedelta(hours=1),
    "emergency_24h": timedelta(hours=24),
    "urgent_72h": timedelta(hours=72),
    "normal_14d": timedelta(days=14),
}
#: The states of a referral in which an answer is waited for.
WAITING: Final = frozenset({"offered", "received"})
#: The states in which somebody has taken a person on, whatever came of it.
TAKEN: Final = frozenset({"accepted", "started", "delivered", "not_delivered", "confirmed"})
#: Where nobody acts, the next rung is called after this time at the latest.
LONGEST: Final = timedelta(days=1)
#: Who is told that something waits, one after the other (design §7).
RUNGS: Final = ("unit", "focal_point", "regional_focal_point", "committee")

#: How long the cases of an incident wait for those that have not come yet.
GATHERING: Final = timedelta(minutes=15)


class Step(StrEnum):
    """What a timer does when it is due."""

    REMIND = "remind"
    EXPIRE = "expire"
    CLIMB = "climb"
    PLAN = "plan"
    SEND = "send"


def pause(urgency: str) -> timedelta:
    """From the offer to the reminder, and from there to the end of the time for an answer."""
    return LIMITS[urgency] / 2


def patience(urgency: str) -> timedelta:
    """From one rung of the ladder to the next, once an answer is overdue."""
    return min(pause(urgency), LONGEST)


def above(rung: str | None) -> tuple[str, ...]:
    """The rungs above this one, the next first; all of them where none was called yet."""
    return RUNGS if rung is None else RUNGS[RUNGS.index(rung) + 1 :]
