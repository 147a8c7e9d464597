"""Words on the end of a case, and on its beginning again, for histories that reporting reads."""

from datetime import date

from contracts.cases import CaseClosed, CaseReopened
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
