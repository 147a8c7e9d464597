"""What partners may ask: imperatives that change nothing until their owner answers."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import ConfigDict

from contracts.event import Message
from contracts.vocabulary import Term


class Request(Message):
    """A partner's request; a field it does not know is refused, since a typing error must show."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AboutReferral(Request):
    """A request about one referral, named by the id its offer carried."""

    referral_id: UUID


class ReferralRequest(AboutReferral):
    """An answer, which moves the referral on."""


class ReceiveReferral(ReferralRequest):
    """We have seen the offer."""

    name: ClassVar[str] = "referral.receive"


class AcceptReferral(ReferralRequest):
    """We take the person on."""

    name: ClassVar[str] = "referral.accept"


class DeclineReferral(ReferralRequest):
    """We do not take the person on; the reason decides who is asked next."""

    name: ClassVar[str] = "referral.decline"

    reason: Annotated[str, Term("decline_reason")]


class StartReferral(ReferralRequest):
    """The service has begun."""

    name: ClassVar[str] = "referral.start"


class DeliverReferral(ReferralRequest):
    """The service has been given."""

    name: ClassVar[str] = "referral.deliver"


class AcknowledgeConsent(AboutReferral):
    """We have heard that consent was withdrawn, and have erased what rested on it."""

    name: ClassVar[str] = "consent.acknowledge"

    withdrawal_id: UUID


REQUESTS: tuple[type[Request], ...] = (
    ReceiveReferral,
    AcceptReferral,
    DeclineReferral,
    StartReferral,
    DeliverReferral,
    AcknowledgeConsent,
)
