"""Plain referral's messages: the event inside, and the cut of each who may hear it."""

from dataclasses import dataclass
from typing import Any

from chassis.pseudonyms import FeedKey
from contracts import feed, policy, referral
from contracts.envelope import Envelope
from contracts.event import Message
from contracts.identifiers import Mint
from contracts.intake import CaseRegistered
from contracts.policy import Relation, who_hears
from contracts.topology import OUT, internal_subject, out_subject
from tests.bench.plain import models
from tests.bench.plain.messages import outgoing


@dataclass(frozen=True, slots=True)
class Announcer:
    """Makes outbox rows."""

    mint: Mint
    master_key: bytes

    def offered(self, one: models.Referral, event: CaseRegistered, *, cause: Envelope) -> list[Any]:
        """A new offer."""
        assert event.region is not None
        inside = referral.ReferralOffered(
            **_repeated(one),
            urgency=one.urgency,
            region=event.region,
            rank=one.rank,
            ground=one.ground,
            policy_version=policy.VERSION,
        )
        shown = feed.Offer(
            referral_id=one.referral_id,
            service=one.service,
            urgency=one.urgency,
            region=event.region,
            sex=event.sex,
            age_band=event.age_band,
            citizenship=event.citizenship,
            exploitation=event.exploitation,
            ground=one.ground,
            safety=event.safety,
        )
        return self._announce(inside, shown, one=one, cause=cause)

    def accepted(self, one: models.Referral, *, cause: Envelope) -> list[Any]:
        """The recipient takes the person on."""
        inside = referral.ReferralAccepted(**_repeated(one))
        shown = feed.Accepted(
            referral_id=one.referral_id, service=one.service, organisation=one.organisation
        )
        return self._announce(inside, shown, one=one, cause=cause)

    def _announce(
        self, inside: Message, shown: Message, *, one: models.Referral, cause: Envelope
    ) -> list[Any]:
        relations: dict[Relation, str] = {"recipient": one.organisation, "owner": one.owner}
        heard = [code for code, _ in who_hears(shown.name, relations)]
        return [
            self._inside(inside, one, cause),
            *(self._copy(shown, one, organisation=code) for code in heard),
        ]

    def _inside(self, event: Message, one: models.Referral, cause: Envelope) -> Any:
        case = str(one.case_id)
        envelope = Envelope(
            id=self.mint.message_id(),
            source=referral.SOURCE,
            type=event.ce_type(),
            subject=case,
            causation_id=str(cause.id),
            correlation_id=case,
        )
        subject = internal_subject("referral", event.name, event.version, subject_id=case)
        return outgoing(
            models.ReferralOutbox, event, envelope=envelope, stream="REFERRAL", nats_subject=subject
        )

    def _copy(self, shown: Message, one: models.Referral, *, organisation: str) -> Any:
        envelope = Envelope(
            id=self.mint.message_id(),
            source=referral.SOURCE,
            type=shown.ce_type(),
            subject=FeedKey.of(self.master_key, organisation).subject(one.case_id),
            correlation_id=str(one.referral_id),
        )
        subject = out_subject(organisation, shown.name, shown.version)
        return outgoing(
            models.ReferralOutbox, shown, envelope=envelope, stream=OUT.name, nats_subject=subject
        )


def _repeated(one: models.Referral) -> dict[str, Any]:
    return {
        "referral_id": one.referral_id,
        "organisation": one.organisation,
        "organisation_kind": one.organisation_kind,
        "service": one.service,
    }
