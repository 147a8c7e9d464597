"""On which ground an organisation may be told of a case, by what was decided about that case."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from contracts.intake import CaseRegistered
from contracts.policy import Reader, Record, may_know, purpose_of, standing
from contracts.policy.consent import CONSENT
from services.referral.store.referrals import KnownCase

# What an offer shows: the envelope and the coarse profile.
_SHOWN = ("G0", "G1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A case at one moment, as the policy asks for it. owner_kind: empty where it is not known."""

    record: Record
    is_child: bool
    owner_kind: str
    at: datetime

    @classmethod
    def of(cls, case: KnownCase, *, owner_kind: str, at: datetime) -> Self:
        """By everything that was decided, at registration and since."""
        facts = CaseRegistered.model_validate(case.facts)
        return cls(
            record=facts.record(case.recorded_at, case.decided),
            is_child=facts.is_child,
            owner_kind=owner_kind,
            # Another clock may be ahead of ours; what is recorded has been said.
            at=max(at, case.recorded_at, *(when for when, _ in case.decided)),
        )

    def ground(self, code: str, kind: str, *, service: str) -> str | None:
        """The ground that an offer to this organisation would rest on; None where nothing carries it.

        Consent only where nothing else does, so that a withdrawal leaves what another ground keeps.
        """
        reader = Reader(
            kind=kind,
            relation="recipient",
            purpose=purpose_of(service),
            is_child=self.is_child,
            organisation=code,
            from_kind=self.owner_kind,
        )
        groups = may_know(reader, "offered", standing(self.record, reader, self.at)).groups
        if any(group not in groups for group in _SHOWN):
            return None
        others = [ground for ground in groups["G1"].grounds if ground != CONSENT]
        return others[0] if others else CONSENT
