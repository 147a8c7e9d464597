"""The rules of taking a case in."""

from dataclasses import dataclass
from datetime import date


class Refused(Exception):
    """A submission that cannot be taken."""


class DetectedInFuture(Refused):
    """A person cannot have been found on a day that has not come."""


class KeyReused(Refused):
    """This idempotency key was used before, for another body."""


class Erased(Refused):
    """The case that this idempotency key registered was erased: it is not taken in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The two facts that are ours to say about a new case."""

    owner: str
    on: date


def register(*, owner: str, detected_on: date, today: date) -> Registration:
    """Whoever registers a case owns it until it is handed over. Raises `DetectedInFuture`."""
    if detected_on > today:
        raise DetectedInFuture
    return Registration(owner=owner, on=today)
