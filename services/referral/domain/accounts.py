"""What makes an account, when it rests after wrong tries, and how long a session lives."""

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
#: NIST SP 800-63B rev. 4 §3.1.1: length counts, and no rule on kinds of characters.
PASSWORD_LENGTH: Final = 12
PASSWORD_LIMIT: Final = 200
INVITED_FOR: Final = timedelta(hours=72)
#: ASVS 5.0, 7.3: a telephone that lies about, and a day's work.
IDLE: Final = timedelta(minutes=30)
LIFE: Final = timedelta(hours=10)
#: A session is marked as seen no more often than this.
SEEN_EVERY: Final = timedelta(minutes=1)
TRIES: Final = 5
_FIRST_REST: Final = timedelta(minutes=1)
_LONGEST_REST: Final = timedelta(hours=1)


def rests_until(failures: int, *, now: datetime) -> datetime | None:
    """After so many wrong tries in a row: a minute, then twice as long each time, at most an hour."""
    if failures < TRIES:
        return None
    doublings = min(failures - TRIES, 10)
    return now + min(_FIRST_REST * (1 << doublings), _LONGEST_REST)


def fault_of_password(password: str, *, again: str, login: str) -> str | None:
    """Which rule a new password breaks: `short`, `long`, `login`, `differs`; None for none."""
    if len(password) < PASSWORD_LENGTH:
        return "short"
    if len(password) > PASSWORD_LIMIT:
        return "long"
    if login in password.lower() or len(set(password)) < PASSWORD_LENGTH // 3:
        return "login"
    return None if password == again else "differs"


def fault_of_recovery(*, lost: UUID, asked_by: UUID | None, agreed_by: UUID | None) -> str | None:
    """Which rule two people break who vouch for a third: `self`, `same`; None for none.

    None stands for the operator, who is one person however often they ask.
    """
    if lost in (asked_by, agreed_by):
        return "self"
    return "same" if asked_by == agreed_by else None
