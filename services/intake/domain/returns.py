"""The rules of a person's way home: it is planned for an open case, and is over once she has arrived."""

from dataclasses import dataclass
from datetime import date

from services.intake.domain.closing import CaseIsClosed, ClosingRefused, Standing


class NoSuchReturn(ClosingRefused):
    """No return of the person is planned under this id (any more)."""


class ArrivedInFuture(ClosingRefused):
    """Nobody has arrived on a day that is still to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What is known of a return. return_type: a code of the list of that name."""

    return_type: str
    is_voluntary: bool
    is_risk_assessed: bool


def require_plannable(now: Standing) -> None:
    """Raises `CaseIsClosed`: who is on her way home is still taken care of."""
    if now.is_closed:
        raise CaseIsClosed


def require_arrived(completed_on: date, *, today: date) -> None:
    """Raises `ArrivedInFuture`."""
    if completed_on > today:
        raise ArrivedInFuture
