"""How care of a person ends: the owner asks how she is, she goes home, her case is closed."""

from datetime import datetime, timedelta

from contracts.cases import CaseClosed, CaseReopened, FollowupDone, ReturnCompleted, ReturnPlanned
from contracts.intake import CaseRegistered
from deploy.simulation import rates
from deploy.simulation.life import Life, opaque


def follow_up(life: Life, case: CaseRegistered) -> None:
    """On each day that intake asks, as long as somebody answers."""
    for after_days in (30, 90, 180):
        if life.chance.random() > rates.FOLLOWED_UP:
            return
        at = life.after(life.at + timedelta(days=after_days), hours=24 * 4)
        asked = FollowupDone(
            organisation=case.owner,
            after_days=after_days,
            outcome=rates.FOLLOWUP_OUTCOMES.draw(life.chance),
            done_on=at.date(),
        )
        life.say(asked, at=at)


def close(life: Life, case: CaseRegistered) -> None:
    """Cared for no more, which now and then was said by mistake."""
    reason = rates.CLOSINGS["MLI" in case.citizenship].draw(life.chance)
    if reason is None:
        return
    at = life.after(life.at, hours=24 * 180)
    if reason == "repatriated":
        at = _go_home(life, case, at=at)
    closed = CaseClosed(organisation=case.owner, reason=reason, closed_on=at.date())
    life.say(closed, at=at)
    if life.chance.random() < rates.CLOSED_IN_ERROR:
        at = life.after(at, hours=24 * 10)
        again = CaseReopened(
            organisation=case.owner, reason="closed_in_error", reopened_on=at.date()
        )
        life.say(again, at=at)


def _go_home(life: Life, case: CaseRegistered, *, at: datetime) -> datetime:
    """Planned, and nearly always done; when the case may be closed."""
    arrived = life.after(at, hours=24 * 20)
    known = {
        "return_id": opaque(life.chance),
        "organisation": case.owner,
        "return_type": "malian_returned" if "MLI" in case.citizenship else "to_origin",
        "is_voluntary": life.chance.random() < rates.RETURNS_WANTED,
        "is_risk_assessed": life.chance.random() < rates.RETURNS_ASSESSED,
    }
    life.say(ReturnPlanned.model_validate(known | {"planned_for": arrived.date()}), at=at)
    if life.chance.random() < rates.RETURNS_DONE:
        done = known | {"completed_on": arrived.date()}
        life.say(ReturnCompleted.model_validate(done), at=arrived)
    return life.after(arrived, hours=24)
