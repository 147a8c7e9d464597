"""Partner programs on the kit, as an organisation would write one, that note what they handled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from contracts.event import Message
from contracts.feed import Accepted, ConsentWithdrawn, Offer, Started
from contracts.requests import (
    AboutReferral,
    AcceptReferral,
    AcknowledgeConsent,
    DeclineReferral,
    DeliverReferral,
    ReceiveReferral,
    ReferralRequest,
    StartReferral,
)
from partners.kit import Delivery, Partner
from tests.journeys.oracle import Decide


@dataclass(slots=True)
class Program:
    """One organisation's own system. `handled`: what it acted on, in order, once for each time."""

    code: str
    folder: Path
    url: str
    decide: Decide
    handled: list[Delivery] = field(default_factory=list)
    chosen: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled."""
        async with Partner.open(
            self.folder, url=self.url, code=self.code, patience=None
        ) as partner:
            async for delivery in partner.deliveries():
                for request in self._answers(delivery.message):
                    await partner.send(request, answering=delivery.envelope)
                self.handled.append(delivery)
                await delivery.done()

    def messages(self, kind: type[Message]) -> list[Message]:
        """The handled messages of one kind."""
        return [one.message for one in self.handled if isinstance(one.message, kind)]

    def _answers(self, message: Message) -> Iterator[AboutReferral]:
        if isinstance(message, Offer):
            yield from self._decide(message)
        elif isinstance(message, Accepted) and self._completes(message.referral_id):
            yield StartReferral(referral_id=message.referral_id)
        elif isinstance(message, Started) and self._completes(message.referral_id):
            yield DeliverReferral(referral_id=message.referral_id)
        elif isinstance(message, ConsentWithdrawn):
            yield AcknowledgeConsent(
                referral_id=message.referral_id, withdrawal_id=message.withdrawal_id
            )

    def _decide(self, offer: Offer) -> Iterator[ReferralRequest]:
        decision = self.decide(
            self.code,
            service=offer.service,
            region=offer.region,
            sex=offer.sex,
            age_band=offer.age_band,
        )
        self.chosen[str(offer.referral_id)] = decision
        if decision != "silent":
            yield ReceiveReferral(referral_id=offer.referral_id)
        if decision == "decline":
            yield DeclineReferral(referral_id=offer.referral_id, reason="capacity")
        elif decision in ("accept", "complete"):
            yield AcceptReferral(referral_id=offer.referral_id)

    def _completes(self, referral_id: object) -> bool:
        """Only our own: an owner also hears the steps of its cases' referrals elsewhere."""
        return self.chosen.get(str(referral_id)) == "complete"
