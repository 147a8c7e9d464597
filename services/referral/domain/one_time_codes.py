"""Codes of six digits that an authenticator shows for half a minute (RFC 6238, HMAC-SHA-1)."""

import hmac
from datetime import datetime
from typing import Final

STEP_SECONDS: Final = 30
DIGITS: Final = 6
#: RFC 6238 §5.2: one step before and after, for clocks that differ and fingers that take time.
DRIFT: Final = 1


def code_at(key: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a step of half a minute since 1970 (RFC 4226 §5.3)."""
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def fitting_step(key: bytes, given: str, *, now: datetime, after: int) -> int | None:
    """The step that a code is of, if it is one of now and later than `after`, the last one used.

    A code that was used once opens nothing again, whoever looked over a shoulder.
    """
    current = int(now.timestamp()) // STEP_SECONDS
    for step in range(max(current - DRIFT, after + 1), current + DRIFT + 1):
        if hmac.compare_digest(code_at(key, step).encode(), given.encode()):
            return step
    return None
