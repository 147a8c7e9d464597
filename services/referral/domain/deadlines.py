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


class Step(StrEnum):
    """What a timer does when it is due."""

    REMIND = "remind"
    EXPIRE = "expire"


def pause(urgency: str) -> timedelta:
    """From the offer to the reminder, and from there to the end of the time for an answer."""
    return LIMITS[urgency] / 2
