"""On which ground an organisation may be told of a case, by what was decided about that case."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from contracts.intake import CaseRegistered
from contracts.policy import Reader, Record, may_know, purpose_of, standing
from contracts.policy.consent import CONSENT, consent_stands
from contracts.vocabulary import reader_of
from services.referral.domain.routing import Candidate
from services.referral.store.referrals import KnownCase

# What an offer shows: the envelope and the coarse profile.
_SHOWN = ("G0", "G1")
# A general yes does not hand anybody to her state: it must be named (domain/routing/rules.py).
_CONSULAR = "consular"
#: What there is to tell of a file of the police or of justice, and of a threat.
FILE = frozenset({"proceeding_state", "next_date"})
THREAT = frozenset({"threat", "threat_source"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A case at one moment, as the policy asks for it. owner_kind: empty where it is not known."""

    facts: CaseRegistered
    record: Record
    owner_kind: str
    at: datetime
    _named: frozenset[str]
    _grounds: dict[tuple[str, str, str], str | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(cls, case: KnownCase, *, owner_kind: str, at: datetime) -> Self:
        """By everything that was decided, at registration and since."""
        facts = CaseRegistered.model_validate(case.facts)
        record = facts.record(case.recorded_at, case.decided)
        named = {one.organisation for one in (*record.decisions, *record.bases)}
        return cls(
            facts=facts,
            record=record,
            owner_kind=owner_kind,
            # Another clock may be ahead of ours; what is recorded has been said.
            at=max(at, case.recorded_at, *(when for when, _ in case.decided)),
            _named=frozenset(code for code in named if code),
        )

    def file(
        self, code: str, kind: str, *, relation: str, service: str
    ) -> tuple[frozenset[str], str | None]:
        """What of a file's standing may be told, of `proceeding_state` and `next_date`; on what ground.

        Who accepted `service` is asked as recipient; an owner needs no ground.
        """
        if reader_of(kind, relation) is None:
            return frozenset(), None
        reader = self._reader(code, kind, relation=relation, service=service)
        cut = may_know(reader, "accepted", standing(self.record, reader, self.at))
        names = frozenset(name for section, name in cut.fields if section == "case") & FILE
        allowed = cut.groups.get("G8")
        return names, _carrier(allowed.grounds) if allowed else None

    def threat(
        self, code: str, kind: str, *, relation: str, service: str, stage: str
    ) -> frozenset[str]:
        """What of a threat may be told, of `threat` and `threat_source`, at this stage."""
        if reader_of(kind, relation) is None:
            return frozenset()
        reader = self._reader(code, kind, relation=relation, service=service)
        cut = may_know(reader, stage, standing(self.record, reader, self.at))
        return frozenset(name for section, name in cut.fields if section == "case") & THREAT

    def ground(self, code: str, kind: str, *, service: str) -> str | None:
        """The ground that an offer to this organisation would rest on; None where nothing carries it.

        Consent only where nothing else does, so that a withdrawal leaves what another ground keeps.
        """
        # Whom no line names is judged by its kind alone, and a service by what it is for.
        key = kind, purpose_of(service), code if code in self._named else ""
        if key not in self._grounds:
            self._grounds[key] = self._judged(code, kind, service=service)
        return self._grounds[key]

    def may_tell(self, one: Candidate, service: str) -> bool:
        """Whether anything carries an offer of this service to this organisation."""
        return self.ground(one.code, one.kind, service=service) is not None

    def names(self, one: Candidate, service: str) -> bool:
        """Whether consent that stands names this very organisation, or its kind for a consulate."""
        if one.kind != _CONSULAR and one.code not in self._named:
            return False
        reader = self._reader(one.code, one.kind, relation="recipient", service=service)
        return any(
            said.is_given
            and said.covers(reader)
            and (said.organisation == one.code or said.kind == one.kind == _CONSULAR)
            for said in self.record.decisions
        ) and consent_stands(self.record, reader, self.at)

    def _judged(self, code: str, kind: str, *, service: str) -> str | None:
        if reader_of(kind, "recipient") is None:
            return None  # such as a committee: the policy has no row for one that takes referrals
        reader = self._reader(code, kind, relation="recipient", service=service)
        groups = may_know(reader, "offered", standing(self.record, reader, self.at)).groups
        if any(group not in groups for group in _SHOWN):
            return None
        return _carrier(groups["G1"].grounds)

    def _reader(self, code: str, kind: str, *, relation: str, service: str) -> Reader:
        return Reader(
            kind=kind,
            relation=relation,
            purpose=purpose_of(service),
            is_child=self.facts.is_child,
            organisation=code,
            from_kind=self.owner_kind,
        )


def _carrier(grounds: Sequence[str]) -> str | None:
    """The one to rest on: consent only where nothing else carries it."""
    return next((one for one in grounds if one != CONSENT), CONSENT if grounds else None)
