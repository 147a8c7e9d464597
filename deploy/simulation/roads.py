"""What becomes of a person's needs: offers, answers, the next in rank, services, nobody left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contracts import referral
from contracts.directory import DirectoryEntry, Service
from contracts.event import Message
from contracts.intake import CaseRegistered
from contracts.policy import CHILD_BANDS
from deploy.simulation import rates
from deploy.simulation.life import Life, opaque

#: The most organisations that are asked for one need.
RANKS: Final = 4
#: Hours that an answer takes in the mean, and after which it is overdue.
_HOURS: Final = {"vital_1h": 1, "emergency_24h": 24, "urgent_72h": 72, "normal_14d": 336}
_ANSWERS: Final[dict[str, type[referral.ReferralEvent]]] = {
    "accepted": referral.ReferralAccepted,
    "overdue": referral.ReferralOverdue,
    "declined": referral.ReferralDeclined,
    "withdrawn": referral.ReferralWithdrawn,
}


@dataclass(frozen=True, slots=True)
class Need:
    """One service that a person needs."""

    life: Life
    case: CaseRegistered
    service: str

    def ask_around(self, directory: Sequence[DirectoryEntry]) -> None:
        """One after the other, until one of them takes the person on or nobody is left."""
        asked = [one for one in directory if self._fits(one)][:RANKS]
        at = self.life.after(self.life.at, hours=1)
        for rank, organisation in enumerate(asked, start=1):
            known = {
                "referral_id": opaque(self.life.chance),
                "organisation": organisation.code,
                "organisation_kind": organisation.kind,
                "service": self.service,
            }
            self._offer(known, rank=rank, region=self.case.region or organisation.region, at=at)
            answer, answered = self._answer(known, at=at)
            if answer in ("accepted", "withdrawn"):
                return
            at = self.life.after(answered, hours=0.1)
        reason = "none_left" if asked else "no_candidate"
        self.life.say(referral.ReferralUnplaced(service=self.service, reason=reason), at=at)

    @property
    def urgency(self) -> str:
        """As the case says."""
        return self.case.urgency or "normal_14d"

    def _fits(self, one: DirectoryEntry) -> bool:
        if not {"*", self.case.region} & {*one.served_regions}:
            return False
        return any(o.service == self.service and _takes(o, self.case) for o in one.services)

    def _offer(self, known: dict[str, Any], *, rank: int, region: str, at: datetime) -> None:
        offered = referral.ReferralOffered(
            **known,
            urgency=self.urgency,
            region=region,
            rank=rank,
            ground="consent",
            policy_version="simulated",
        )
        self.life.say(offered, at=at)

    def _answer(self, known: dict[str, Any], *, at: datetime) -> tuple[str, datetime]:
        """How it was answered, and when."""
        life, hours = self.life, _HOURS[self.urgency]
        answer = rates.ANSWERS.draw(life.chance)
        seen = life.after(at, hours=hours / 12)
        if answer != "overdue" and life.chance.random() < 0.8:
            life.say(referral.ReferralReceived(**known), at=seen)
        answered = life.after(seen, hours=hours / 3)
        life.say(_ANSWERS[answer].model_validate(known | _reason(life, answer)), at=answered)
        if answer == "accepted":
            _serve(life, known, at=answered)
        return answer, answered


def _takes(offer: Service, case: CaseRegistered) -> bool:
    if offer.sexes and case.sex not in offer.sexes:
        return False
    if case.age_band in CHILD_BANDS:
        return offer.age_min is None or offer.age_min < 18
    return offer.age_max is None or offer.age_max >= 18


def _serve(life: Life, known: dict[str, Any], *, at: datetime) -> None:
    end = rates.ENDS.draw(life.chance)
    if end == "accepted":
        return
    begun = life.after(at, hours=30)
    life.say(referral.ReferralStarted(**known), at=begun)
    if end == "started":
        return
    nights = 45 if known["service"] == "shelter" else 6
    ended: Message = (
        referral.ReferralDelivered(**known)
        if end == "delivered"
        else referral.ReferralNotDelivered(**known, reason=rates.FAILURES.draw(life.chance))
    )
    given = life.after(begun, hours=24 * nights)
    life.say(ended, at=given)
    if end == "delivered" and life.chance.random() < rates.CONFIRMED:
        confirmed = referral.ReferralConfirmed(**known, confirmed_by_role="case_owner")
        life.say(confirmed, at=life.after(given, hours=96))


def _reason(life: Life, answer: str) -> dict[str, str]:
    if answer == "declined":
        return {"reason": rates.DECLINES.draw(life.chance)}
    return {"reason": "consent"} if answer == "withdrawn" else {}
