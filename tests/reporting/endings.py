"""Words on the end of a case, on its beginning again and on the way home, for histories that reporting reads."""

from datetime import date
from typing import Any

from contracts.cases import CaseClosed, CaseReopened, ReturnCompleted
from tests.reporting.happenings import Happenings, case_id

OWNER = "GEND_KITA"


def closed(happened: Happenings, case: int, reason: str, *, on: date, minutes: float) -> None:
    """The owner's care of this case ends."""
    event = CaseClosed(organisation=OWNER, reason=reason, closed_on=on)
    happened.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)


def reopened(happened: Happenings, case: int, reason: str, *, on: date, minutes: float) -> None:
    """It begins again, or had been closed in error."""
    event = CaseReopened(organisation=OWNER, reason=reason, reopened_on=on)
    happened.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)


def returned(happened: Happenings, case: int, *, on: date, minutes: float, **how: Any) -> None:
    """The person has arrived; by a return that she wanted and whose risk was assessed."""
    said = {
        "return_id": case_id(4_000_000 + case),
        "organisation": OWNER,
        "return_type": "to_origin",
        "is_voluntary": True,
        "is_risk_assessed": True,
        "completed_on": on,
    }
    event = ReturnCompleted.model_validate(said | how)
    happened.add(event, str(case_id(case)), stream="INTAKE", minutes=minutes)
