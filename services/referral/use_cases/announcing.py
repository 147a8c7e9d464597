"""From one fact to its messages: the internal event, and the cut of each who may hear it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.outbox import Outgoing
from chassis.pseudonyms import FeedKey
from chassis.telemetry import Hop
from contracts import feed, referral
from contracts.event import Message
from contracts.identifiers import Mint
from contracts.intake import CaseRegistered
from contracts.policy import Relation, who_hears
from contracts.policy.consent import CONSENT
from contracts.referral import ProceedingEvent
from contracts.topology import OUT
from services.referral.domain.routing import Directory
from services.referral.store.referrals import KnownCase, Referral
from services.referral.store.unplaced import Unplaced
from services.referral.use_cases.ears import ears
from services.referral.use_cases.permitting import Permit

_STEPS: Mapping[str, tuple[type[referral.ReferralEvent], type[feed.Update]]] = {
    "received": (referral.ReferralReceived, feed.Received),
    "accepted": (referral.ReferralAccepted, feed.Accepted),
    "declined": (referral.ReferralDeclined, feed.Declined),
    "overdue": (referral.ReferralOverdue, feed.Overdue),
    "started": (referral.ReferralStarted, feed.Started),
    "delivered": (referral.ReferralDelivered, feed.Delivered),
    "not_delivered": (referral.ReferralNotDelivered, feed.NotDelivered),
    "withdrawn": (referral.ReferralWithdrawn, feed.Withdrawn),
}
_BOTH: tuple[Relation, ...] = ("recipient", "owner")
_OWNER = _BOTH[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What an announcement follows from: the causing message's id and its hop, where there is one."""

    id: str | None = None
    trace: str | None = None

    @property
    def is_sampled(self) -> bool:
        """Whether the trace is kept; what partners are shown follows it."""
        hop = Hop.parse(self.trace)
        return hop is not None and hop.sampled


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Who there is to ask and to tell. reached: the organisations that have a feed.

    at: the database's moment of it; revision: what the directory was at.
    """

    mint: Mint
    master_key: bytes
    directory: Directory
    reached: frozenset[str]
    at: datetime
    revision: int = 0

    def permit(self, case: KnownCase) -> Permit:
        """Who may be told of this case now."""
        return Permit.of(case, owner_kind=self.kind_of(case.owner), at=self.mint.moment())

    def kind_of(self, organisation: str) -> str:
        """Its kind, by the directory; empty where it is not there."""
        found = self.directory.by_code.get(organisation)
        return found.kind if found else ""

    def case_called(self, name: str, organisation: str, *, among: Iterable[UUID]) -> UUID | None:
        """The case of these that this organisation's feed calls so."""
        key = FeedKey.of(self.master_key, organisation)
        return next((one for one in among if key.subject(one) == name), None)

    def services_of(self, organisation: str) -> frozenset[str]:
        """What it offers, by the directory."""
        found = self.directory.by_code.get(organisation)
        return frozenset(found.services) if found else frozenset()

    def offered(
        self,
        one: Referral,
        case: KnownCase,
        *,
        cause: Cause,
        policy_version: str,
        chosen_by_role: str | None = None,
    ) -> list[Outgoing]:
        """A new offer: the event, and what its recipient sees of the person."""
        event = referral.ReferralOffered(
            **repeated(one),
            urgency=one.urgency,
            region=case.facts["region"],
            rank=one.rank,
            ground=one.ground,
            policy_version=policy_version,
            chosen_by_role=chosen_by_role,
        )
        shown = feed.Offer(**shown_of(one, case))
        return self._announce(event, shown, one=one, cause=cause)

    def restated(self, one: Referral, case: KnownCase, *, cause: Cause) -> list[Outgoing]:
        """An offer of before with the state it is in, to its recipient alone."""
        return self._copies(
            feed.Restated(**shown_of(one, case), state=one.state),
            [(one.organisation, "recipient")],
            case_id=one.case_id,
            cause=cause,
            ground=one.ground,
            referral_id=one.referral_id,
        )

    def stepped(self, one: Referral, *, cause: Cause, reason: str | None = None) -> list[Outgoing]:
        """A referral is in a new state: to its recipient and to the owner of the case.

        Whose consent was withdrawn is told of by us to the owner alone: nothing carries more.
        """
        event_type, shown_type = _STEPS[one.state]
        more = {} if reason is None else {"reason": reason}
        event = event_type(**repeated(one), **more)  # type: ignore[arg-type]  # the table pairs them
        shown = shown_type(
            referral_id=one.referral_id,
            service=one.service,
            organisation=one.organisation,
            **more,
        )
        told = _OWNER if reason == CONSENT else _BOTH
        return self._announce(event, shown, one=one, cause=cause, told=told)

    def reminded(self, one: Referral, *, cause: Cause) -> list[Outgoing]:
        """Half of the time is over: to its recipient alone."""
        event = referral.ReferralReminded(**repeated(one))
        shown = feed.Reminded(referral_id=one.referral_id, service=one.service)
        return self._announce(event, shown, one=one, cause=cause)

    def unplaced(self, one: Unplaced, *, cause: Cause) -> list[Outgoing]:
        """Nobody is left: the owner has to know."""
        said = {"service": one.service, "reason": one.reason, "unplaced_id": one.unplaced_id}
        shown = feed.Unplaced.model_validate(said)
        event = referral.ReferralUnplaced.model_validate(said)
        inside = self.inside(event, one.case_id, cause=cause)
        heard_by = who_hears(shown.name, {"owner": one.owner})
        heard = self._copies(shown, heard_by, case_id=one.case_id, cause=cause, ground=None)
        return [inside, *heard]

    def advanced(
        self, case: KnownCase, made: Sequence[Referral], *, event: ProceedingEvent, cause: Cause
    ) -> list[Outgoing]:
        """A file stands otherwise: to the owner and to whoever takes care of the person.

        made: the referrals of the case. Each hears what it may know, and the reporter nothing.
        """
        permit = self.permit(case)
        heard: list[Outgoing] = []
        for ear in ears(case, made, owner_kind=permit.owner_kind):
            names, ground = permit.file(
                ear.code, ear.kind, relation=ear.relation, service=ear.service
            )
            shown = feed.ProceedingAdvanced(
                referral_id=ear.referral_id,
                state=event.state if "proceeding_state" in names else None,
                next_hearing_on=event.next_hearing_on if "next_date" in names else None,
            )
            if ear.code != event.organisation and (shown.state or shown.next_hearing_on):
                heard += self._copies(
                    shown,
                    [(ear.code, ear.relation)],
                    case_id=case.case_id,
                    cause=cause,
                    ground=ground,
                    referral_id=ear.referral_id,
                )
        return [self.inside(event, case.case_id, cause=cause), *heard]

    def told(
        self,
        message: Message,
        *,
        organisation: str,
        subject: str,
        cause: Cause | None,
        case_id: UUID | None = None,
    ) -> Outgoing:
        """One message to one partner about its own message."""
        return Outgoing(
            id=self.mint.message_id(),
            stream=OUT.name,
            message=message,
            subject=subject,
            case_id=case_id,
            organisation=organisation,
            causation_id=cause.id if cause else None,
            trace=cause.trace if cause else None,
            started_trace=cause.trace if cause else None,
        )

    def _announce(
        self,
        event: Message,
        shown: Message,
        *,
        one: Referral,
        cause: Cause,
        told: Collection[Relation] = _BOTH,
    ) -> list[Outgoing]:
        parties: dict[Relation, str] = {"recipient": one.organisation, "owner": one.owner}
        relations = {relation: parties[relation] for relation in told}
        heard = self._copies(
            shown,
            who_hears(shown.name, relations),
            case_id=one.case_id,
            cause=cause,
            ground=one.ground,
            referral_id=one.referral_id,
        )
        return [self.inside(event, one.case_id, cause=cause), *heard]

    def inside(self, event: Message, case_id: UUID, *, cause: Cause) -> Outgoing:
        """An event of a case, for our services."""
        return Outgoing(
            id=self.mint.message_id(),
            stream="REFERRAL",
            message=event,
            subject=str(case_id),
            case_id=case_id,
            causation_id=cause.id,
            correlation_id=str(case_id),
            trace=cause.trace,
            started_trace=cause.trace,
        )

    def _copies(
        self,
        shown: Message,
        heard_by: Sequence[tuple[str, Relation]],
        *,
        case_id: UUID,
        cause: Cause,
        ground: str | None,
        referral_id: UUID | None = None,
    ) -> list[Outgoing]:
        copies = []
        for organisation, relation in heard_by:
            if organisation not in self.reached:
                continue
            key = FeedKey.of(self.master_key, organisation)
            copies.append(
                Outgoing(
                    id=self.mint.message_id(),
                    stream=OUT.name,
                    message=shown,
                    subject=key.subject(case_id),
                    case_id=case_id,
                    organisation=organisation,
                    correlation_id=None if referral_id is None else str(referral_id),
                    # An owner hears of its own case: that rests on no disclosure.
                    ground=ground if relation == "recipient" else None,
                    trace=cause.trace,
                    started_trace=key.trace(case_id, sampled=cause.is_sampled),
                )
            )
        return copies


def shown_of(one: Referral, case: KnownCase) -> dict[str, Any]:
    """What the recipient of an offer sees of it and of the person, and no more."""
    known = CaseRegistered.model_validate(case.facts)
    return {
        "referral_id": one.referral_id,
        "service": one.service,
        "urgency": one.urgency,
        "region": case.facts["region"],
        "sex": known.sex,
        "age_band": known.age_band,
        "citizenship": known.citizenship,
        "exploitation": known.exploitation,
        "ground": one.ground,
        "safety": known.safety,
    }


def repeated(one: Referral) -> dict[str, Any]:
    """What every event of one referral says of it."""
    return {
        "referral_id": one.referral_id,
        "organisation": one.organisation,
        "organisation_kind": one.organisation_kind,
        "service": one.service,
    }
